from dataclasses import dataclass

import pytest
import torch
from torch.utils.data import DataLoader

from scalor.data.clip import Clip
from scalor.data.loader import Batches, batch_at
from scalor.data.sprites import Sprites, sprites
from scalor.errors import UserError


@dataclass(frozen=True)
class Counting:
    """Clips of ``frames`` one-pixel frames; frame t of clip n has the value 10 n + t."""

    length: int
    frames: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        values = torch.arange(self.frames) + 10 * index
        return Clip(video=values.to(torch.uint8).reshape(-1, 1, 1, 1))


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    data = Sprites(sprites("ld"), seed=3)
    one = batch_at(data, 7, step=11, batch=3, frames=2)
    batch_at(data, 7, step=12, batch=3, frames=2)
    assert torch.equal(one, batch_at(data, 7, step=11, batch=3, frames=2))
    assert not torch.equal(one, batch_at(data, 7, step=12, batch=3, frames=2))
    assert not torch.equal(one, batch_at(data, 8, step=11, batch=3, frames=2))
    assert one.shape == (3, 2, 3, 64, 64) and one.dtype == torch.uint8


def test_windows_are_unbroken_and_reach_every_part_of_a_long_clip() -> None:
    starts = set()
    for step in range(40):
        for clip in batch_at(Counting(4, 8), 0, step=step, batch=2, frames=3).flatten(1):
            assert (clip.int().diff() == 1).all() and clip[0] // 10 == clip[-1] // 10
            starts.add(int(clip[0]) % 10)
    assert starts == set(range(6))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_neither_the_batches_nor_their_order(workers: int) -> None:
    batches = Batches(Sprites(sprites("vld"), seed=1), seed=5, batch=2, frames=2, first=3, last=8)
    alone = list(DataLoader(batches, batch_size=None))
    helped = list(DataLoader(batches, batch_size=None, num_workers=workers))
    assert len(alone) == len(helped) == 5
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))
    assert torch.equal(alone[2], batch_at(batches.dataset, 5, step=5, batch=2, frames=2))


def test_clip_length_may_follow_the_step() -> None:
    batches = Batches(Counting(3, 9), seed=0, batch=1, frames=lambda step: step + 1, last=4)
    assert [batch.shape[1] for batch in batches] == [1, 2, 3, 4]


def test_too_short_clips_and_empty_data_are_named() -> None:
    with pytest.raises(UserError, match="has 2 frames"):
        batch_at(Counting(1, 2), 0, step=0, batch=1, frames=3)
    with pytest.raises(UserError, match="no clips"):
        batch_at(Counting(0, 2), 0, step=0, batch=1, frames=1)
