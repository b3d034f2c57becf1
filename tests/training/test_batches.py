"""Batches of clips: how long they can be, and how some of them are cut away."""

from dataclasses import dataclass

import numpy as np
import torch

from scalor.data.clip import Clip
from scalor.data.sprites import Sprites, sprites
from scalor.training.augment import cut_away
from scalor.training.batches import ENDLESS, Batch, ClipBatches


@dataclass(frozen=True)
class Short:
    """Clips of ten frames that nobody can make longer."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Clip:
        return Clip(video=torch.zeros(10, 1, 4, 4, dtype=torch.uint8))


def test_a_training_asks_for_no_more_frames_than_there_are() -> None:
    assert ClipBatches(Short(), 0).longest == 10
    assert ClipBatches(Sprites(sprites("vld"), seed=1), 0).longest == ENDLESS


def batch(clips: int, frames: int, *, backdrop: bool = False) -> Batch:
    """Clip n is n + 1 all over."""
    video = (torch.arange(clips) + 1).to(torch.uint8).view(-1, 1, 1, 1, 1).expand(clips, frames, 1, 2, 2)
    return Batch(video, backdrop=torch.full((clips, 1, 2, 2), 99, dtype=torch.uint8) if backdrop else None)


def test_cut_clips_go_on_as_the_next_clip_or_in_the_dark_and_never_from_the_first_frame() -> None:
    seen = set()
    for seed in range(40):
        cut = cut_away(batch(4, 6), np.random.default_rng(seed), 0.5).video[:, :, 0, 0, 0]
        for number, clip in enumerate(cut.tolist()):
            assert clip[0] == number + 1
            changes = [t for t in range(1, 6) if clip[t] != clip[t - 1]]
            assert len(changes) <= 1
            seen.add("whole" if not changes else "dark" if clip[-1] == 0 else "next")
            assert clip[-1] in (number + 1, 0, (number + 1) % 4 + 1)
    assert seen == {"whole", "dark", "next"}


def test_footage_goes_on_as_its_empty_scene() -> None:
    cut = cut_away(batch(3, 5, backdrop=True), np.random.default_rng(0), 1.0).video
    assert (cut[:, -1] == 99).all() and (cut[:, 0] != 99).all()


def test_what_passes_before_footage_is_cut_away_with_it() -> None:
    both = batch(3, 5, backdrop=True)._replace(before=torch.full((3, 5, 1, 2, 2), 7, dtype=torch.uint8))
    cut = cut_away(both, np.random.default_rng(0), 1.0).before
    assert cut is not None and (cut[:, -1] == 99).all() and (cut[:, 0] == 7).all()


def test_nothing_is_cut_where_nothing_is_asked_for_and_clips_stay_untouched() -> None:
    whole = batch(3, 5)
    assert cut_away(whole, np.random.default_rng(0), 0.0) is whole
    assert cut_away(batch(3, 1), np.random.default_rng(0), 1.0).video.shape[1] == 1
    cut_away(whole, np.random.default_rng(0), 1.0)
    assert torch.equal(whole.video, batch(3, 5).video)
