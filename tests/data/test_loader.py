from dataclasses import dataclass

import pytest
import torch

from scalor.data.clip import Clip
from scalor.data.loader import batch_at
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


def test_too_short_clips_and_empty_data_are_named() -> None:
    with pytest.raises(UserError, match="has 2 frames"):
        batch_at(Counting(1, 2), 0, step=0, batch=1, frames=3)
    with pytest.raises(UserError, match="no clips"):
        batch_at(Counting(0, 2), 0, step=0, batch=1, frames=1)
