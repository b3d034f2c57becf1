"""Errors of imagined futures: what straight motion gets right, and what nobody may look at."""

import dataclasses

import numpy as np
import pytest
import torch

from scalor.data.sprites import Sprites, SpritesConfig
from scalor.errors import UserError
from scalor.experiments.futures import Question, bouncing_walls, futures_errors, sampled

CONFIG = SpritesConfig(size=32, canvas=44, count=(3, 3), object_size=9, size_spread=0.0, shapes=("ellipse",))
QUESTION = Question(observed=3, steps=12, samples=2, gate=18.0)
WALLS = bouncing_walls(size=32, canvas=44, object_size=9)


def test_the_true_velocity_with_walls_predicts_round_objects_to_a_fraction_of_a_pixel(model):
    clips = [Sprites(CONFIG, seed=1).clip(index, frames=15) for index in range(4)]
    found = futures_errors(model, clips, QUESTION, walls=WALLS)["centre_error"]
    without = futures_errors(model, clips, QUESTION, walls=(-1e6, -1e6, 1e6, 1e6))["centre_error"]
    # A clip's ellipse may be a little narrower than its bounding square, so that it turns a little later.
    assert np.nanmax(found["truth velocity"]) < 1.5
    assert np.nanmax(without["truth velocity"]) > 5


def test_the_best_of_several_futures_is_no_worse_on_average_than_their_mean_and_all_steps_are_there(model):
    clips = [Sprites(CONFIG, seed=2).clip(index, frames=15) for index in range(2)]
    found = futures_errors(model, clips, QUESTION, walls=WALLS)
    errors = found["centre_error"]
    assert all(len(values) == 12 for values in [*errors.values(), *found["mse"].values()])
    assert np.nanmean(errors["imagined, best of 2"]) <= np.nanmean(errors["imagined, mean of samples"]) + 1e-9
    assert 0 < found["matched"] <= 1 and found["clips"] == 2


@torch.no_grad()
def test_futures_do_not_depend_on_frames_after_the_observed_ones(model):
    video = Sprites(CONFIG, seed=3).clip(0, frames=15).video[None].float() / 255
    blind = video.clone()
    blind[:, 3:] = float("nan")
    tables, pictures = [], []
    for each in (video, blind):
        torch.manual_seed(0)
        made, images = sampled(model, each, QUESTION)
        tables.append(made)
        pictures.append(images)
    assert torch.equal(*pictures) and len(tables[0][0]) > 3
    for one, other in zip(*tables, strict=True):
        assert np.array_equal(one.box_tlwh, other.box_tlwh) and np.array_equal(one.id, other.id)


def test_a_clip_that_is_too_short_is_refused(model):
    clip = Sprites(CONFIG).clip(0, frames=4)
    with pytest.raises(UserError, match="15 frames with truth are wanted"):
        futures_errors(model, [clip], QUESTION, walls=WALLS)
    with pytest.raises(UserError, match="no truth"):
        futures_errors(model, [dataclasses.replace(clip, truth=None)], QUESTION, walls=WALLS)
