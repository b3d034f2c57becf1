"""What moves at another moment passes before a clip, and nothing else of that moment does."""

from dataclasses import replace

import torch

from scalor.configs.presets import tiny
from scalor.core.types import Scenery
from scalor.models.config import BackgroundConfig
from scalor.models.scalor import Scalor
from scalor.training.copy_paste import copy_paste, under_occluders


def model_of(family: str) -> Scalor:
    return Scalor(replace(tiny().scalor, background=BackgroundConfig(family=family)))


def test_what_moves_at_another_moment_passes_before_the_clip() -> None:
    scenery = Scenery(height=24, width=32, backdrop=torch.full((1, 3, 24, 32), 0.5))
    video = torch.full((1, 2, 3, 24, 32), 0.5)
    before = video.clone()
    video[..., 4:14, 4:14] = 1.0
    before[..., 8:18, 10:20] = 0.0
    before[..., 0, 0] += 0.01  # not enough to stand out
    mixed, layers = copy_paste(model_of("median"), video, before, scenery)
    assert layers is not None
    assert (mixed[..., 9:17, 11:19] == 0).all()
    assert (mixed[..., 5:13, 5:7] == 1).all()
    assert (mixed[..., 0, 0] == 0.5).all() and (mixed[..., 20:, 24:] == 0.5).all()
    assert layers.front[0, 0, 12, 15] == 1 and layers.front[0, 0, 6, 6] == 0
    assert layers.back[0, 0, 6, 6] == 1 and layers.back[0, 0, 16, 18] == 0


def test_before_the_empty_scene_nothing_passes() -> None:
    scenery = Scenery(height=16, width=16, backdrop=torch.full((1, 3, 16, 16), 0.5))
    video = torch.rand(1, 2, 3, 16, 16)
    mixed, layers = copy_paste(model_of("median"), video, torch.full_like(video, 0.5), scenery)
    assert torch.equal(mixed, video)
    assert layers is not None and not len(layers.clips) and layers.front.shape == (0, 2, 16, 16)


def test_clips_are_as_they_would_be_alone() -> None:
    torch.manual_seed(0)
    scenery = Scenery(height=24, width=32, backdrop=torch.full((3, 3, 24, 32), 0.5))
    video, before = torch.rand(3, 2, 3, 24, 32), torch.full((3, 2, 3, 24, 32), 0.5)
    before[1, 0, :, 8:18, 10:20] = 0.0
    model = model_of("median")
    mixed, layers = copy_paste(model, video, before, scenery)
    assert layers is not None and layers.clips.tolist() == [1]
    assert torch.equal(mixed[::2], video[::2]) and not torch.equal(mixed[1], video[1])
    alone, same = copy_paste(model, video[1:2], before[1:2], scenery.map(lambda part: part[1:2]))
    assert same is not None and torch.equal(alone, mixed[1:2])
    assert torch.equal(same.front, layers.front) and torch.equal(same.back, layers.back)


def test_without_an_empty_scene_clips_stay_as_they_are() -> None:
    video = torch.rand(1, 2, 3, 16, 16)
    mixed, layers = copy_paste(model_of("none"), video, 1 - video, Scenery(height=16, width=16))
    assert mixed is video and layers is None


def test_what_would_hide_a_thing_stays_away() -> None:
    scenery = Scenery(height=24, width=32, backdrop=torch.full((2, 3, 24, 32), 0.5))
    video = torch.full((2, 2, 3, 24, 32), 0.5)
    before = video.clone()
    video[..., 4:14, 4:14] = 1.0
    before[0, :, :, 5:15, 6:16] = 0.0
    before[1, :, :, 5:15, 12:22] = 0.0
    mixed, layers = copy_paste(model_of("median"), video, before, scenery)
    assert layers is not None
    assert torch.equal(mixed[0], video[0]) and not layers.front[0].any()
    assert (mixed[1, ..., 7:13, 14:20] == 0).all()


def test_what_is_put_before_a_clip_passes_behind_what_hides_the_clip() -> None:
    clear = torch.full((1, 2, 3, 8, 8), 0.5)
    shown, pasted = clear.clone(), clear.clone()
    shown[..., :3] = 0.2  # a bar
    pasted[..., 2:6] = 1.0  # what passes
    seen = under_occluders(shown, clear, pasted)
    assert (seen[..., :3] == 0.2).all() and (seen[..., 3:6] == 1.0).all() and (seen[..., 6:] == 0.5).all()
