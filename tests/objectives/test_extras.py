from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalor.configs import apply_overrides, from_json, preset_named, to_json
from scalor.core.schedule import Recipe, Weight, weight_at
from scalor.core.types import Step
from scalor.errors import UserError
from scalor.models.scalor import Scalor
from scalor.objectives.adversarial import Adversarial, LiteralAdversarial, bce
from scalor.objectives.extras import OBJECTIVES, Extras
from scalor.objectives.features import Vgg
from scalor.objectives.masks import half_transparent, on_border
from scalor.objectives.perceptual import LiteralPerceptual, Perceptual, feature_distance
from scalor.objectives.plug import Critic
from scalor.rollout import Rollout

MODEL = preset_named("tiny").model


def recipe_of(*names: str, value: float = 1.0) -> Recipe:
    scalars = [scalar for name in names for scalar in OBJECTIVES[name].names]
    return Recipe(objectives=names, weights=tuple(Weight(scalar, value) for scalar in scalars))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_teaches_the_model_and_is_named_as_it_says(
    name: str, model: Scalor, video: Tensor, rollout: Rollout
) -> None:
    extras = Extras(recipe_of(name), MODEL)
    added, scalars = extras(video, rollout, 0, 0.5)
    assert tuple(scalars) == OBJECTIVES[name].names and added is not None and added.isfinite()
    assert all(value.dim() == 0 and value >= 0 for value in scalars.values())
    added.backward()
    assert sum(float(p.grad.abs().sum()) for p in model.parameters() if p.grad is not None) > 0


def test_weights_ramp_and_add_up(video: Tensor, rollout: Rollout) -> None:
    weight = Weight("alpha", 2.0, start=0.2, full=0.6)
    assert [weight_at(weight, progress) for progress in (0.0, 0.19, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0, 0, 0, 1, 2, 2]
    )
    extras = Extras(Recipe(objectives=("alpha", "boundary"), weights=(weight, Weight("boundary", 3.0))), MODEL)
    added, scalars = extras(video, rollout, 0, 0.4)
    torch.testing.assert_close(added, scalars["alpha"] + 3 * scalars["boundary"])
    assert Extras(Recipe(), MODEL)(video, rollout, 0, 0.4) == (None, {})


@pytest.mark.parametrize(
    ("objectives", "weights"),
    [(("alpha",), ()), ((), ("alpha",)), (("alpha",), ("alpha", "alpha")), (("perceptual",), ("perceptua",)),
     (("perceptual", "perceptual-literal"), ("perceptual",))],
)  # fmt: skip
def test_names_must_equal_the_weights_names(objectives: tuple[str, ...], weights: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="the same names, each once, are wanted"):
        Extras(Recipe(objectives=objectives, weights=tuple(Weight(name, 1.0) for name in weights)), MODEL)
    with pytest.raises(UserError, match="did you mean alpha"):
        Extras(Recipe(objectives=("alfa",)), MODEL)


def test_presets_with_objectives_pass_through_json_and_the_command_line() -> None:
    words = {
        "train.objectives": "('alpha',)",
        "train.weights": "[{'name': 'alpha', 'value': 0.3, 'start': 0.2, 'full': 0.4}]",
    }
    preset = apply_overrides(preset_named("tiny"), words)
    assert preset.recipe.weights == (Weight("alpha", 0.3, 0.2, 0.4),)
    assert from_json(to_json(preset)) == preset
    with pytest.raises(UserError, match="the weights name nothing"):
        apply_overrides(preset_named("tiny"), {"train.objectives": "('alpha',)"})


def test_features_are_those_of_vgg_and_frozen() -> None:
    vgg = Vgg("packaged", ("conv1_2", "conv2_2", "conv3_3"))
    picture = torch.rand(2, 3, 32, 32)
    first, second, third = vgg(picture)
    assert (first.shape, second.shape, third.shape) == ((2, 64, 32, 32), (2, 128, 16, 16), (2, 256, 8, 8))
    assert not list(vgg.parameters()) and not vgg.state_dict() and float(first.min()) >= 0
    blur = torch.nn.functional.avg_pool2d(picture, 5, 1, 2)
    noise = (picture + 0.02 * torch.randn_like(picture)).clamp(0, 1)
    near, far = feature_distance(vgg, picture, noise), feature_distance(vgg, picture, blur)
    assert (near < far).all() and (feature_distance(vgg, picture, picture) == 0).all() and (far < 2).all()
    grey = vgg(torch.rand(1, 1, 16, 16))
    assert grey[0].shape == (1, 64, 16, 16)


def test_features_come_from_a_file_of_torchvision_too(tmp_path: Path) -> None:
    numbers = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256)}
    weights = {f"features.{n}.weight": torch.randn(out, into, 3, 3) * 0.05 for n, (out, into) in numbers.items()}
    weights |= {f"features.{n}.bias": torch.zeros(out) for n, (out, _) in numbers.items()}
    torch.save(weights, tmp_path / "vgg16.pth")
    vgg = Vgg(str(tmp_path / "vgg16.pth"), ("conv1_2",), centred=False)
    picture = torch.rand(1, 3, 8, 8)
    hidden = torch.relu(torch.nn.functional.conv2d(picture, weights["features.0.weight"], padding=1))
    torch.testing.assert_close(
        vgg(picture)[0], torch.relu(torch.nn.functional.conv2d(hidden, weights["features.2.weight"], padding=1))
    )
    for source in (str(tmp_path), str(tmp_path / "none.safetensors")):
        with pytest.raises(UserError, match="cannot be read as VGG16"):
            Vgg(source, ("conv1_2",))


def test_the_literal_loss_is_the_studys_formula(video: Tensor, rollout: Rollout) -> None:
    """One clip of one frame, so that the frame that stands for all is the only one."""
    one = replace(rollout, steps=rollout.steps[:1])
    loss = LiteralPerceptual(Recipe(), MODEL)
    found = loss(video[:, :1], one, 5)["perceptual"]
    wanted, made = loss.vgg(video[:, 0]), loss.vgg(one.image[:, 0])
    total = sum(((a - b).square() / (2 * 0.1**2)).sum() for a, b in zip(wanted, made, strict=True))
    torch.testing.assert_close(found, total / (video.shape[0] * 2))


def test_the_calibrated_loss_is_in_the_units_of_the_pixel_term(video: Tensor, rollout: Rollout) -> None:
    one = replace(rollout, steps=rollout.steps[:1])
    loss = Perceptual(Recipe(), MODEL)
    distance = feature_distance(loss.vgg, video[:, 0], one.image[:, 0]).mean()
    nats_of_mse = video[0, 0].numel() / (2 * MODEL.render.sigma**2)
    torch.testing.assert_close(loss(video[:, :1], one, 0)["perceptual"], distance * nats_of_mse)


@pytest.mark.parametrize("kind", [Perceptual, LiteralPerceptual])
def test_pictures_can_be_drawn_toward_a_frame_by_their_features(
    kind: type[Perceptual] | type[LiteralPerceptual], video: Tensor, rollout: Rollout
) -> None:
    loss = kind(Recipe(), MODEL)
    image = torch.full_like(video[:, 0], 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([image], lr=0.03)
    found = []
    for _ in range(25):
        value = loss(video[:, :1], replace(rollout, steps=(replace(rollout.steps[0], image=image),)), 0)["perceptual"]
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        found.append(float(value.detach()))
    assert found[-1] < 0.5 * found[0]


@pytest.mark.parametrize("kind", [Adversarial, LiteralAdversarial])
def test_a_critic_learns_to_tell_real_from_made(kind: type[Critic], video: Tensor) -> None:
    torch.manual_seed(0)
    critic = kind(Recipe(), MODEL)
    optimizer = critic.optimizer()
    made = torch.rand_like(video)
    for step in range(0, 300, 10):
        loss = critic.own_loss(video, made, step)
        if loss is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert critic.report()["critic_accuracy"] > 0.8
    assert critic.report()["critic_real"] > critic.report()["critic_made"]


def test_the_literal_critic_acts_every_tenth_step_only(video: Tensor, rollout: Rollout) -> None:
    critic = LiteralAdversarial(Recipe(), MODEL)
    assert critic.own_loss(video, video, 7) is None and float(critic(video, rollout, 7)["adversarial"]) == 0
    value = float(critic.eval()(video, rollout, 10)["adversarial"].detach())
    image = rollout.image
    wanted = image.shape[1] * bce(critic.net(image.flatten(0, 1)), True)
    assert value == pytest.approx(float(wanted.detach()), rel=1e-5)


def test_the_stabilised_critic_pulls_as_hard_as_the_pixels_times_its_weight(video: Tensor, rollout: Rollout) -> None:
    critic, frames = Adversarial(Recipe(), MODEL), [step.image for step in rollout.steps]
    pulls = [torch.zeros_like(frame) for frame in frames]
    for step in range(len(frames)):
        loss = critic(video, rollout, step)["adversarial"]
        got = torch.autograd.grad(loss, frames, retain_graph=True, allow_unused=True)
        pulls = [pull if new is None else pull + new / len(frames) for pull, new in zip(pulls, got, strict=True)]
    pixels = (rollout.image - video) / MODEL.render.sigma**2 / (video.shape[0] * video.shape[1])
    assert float(torch.stack(pulls, 1).norm()) == pytest.approx(float(pixels.detach().norm()), rel=1e-2)


def test_half_transparency_counts_pixels_of_half_alpha(rollout: Rollout) -> None:
    def painted(alpha: float) -> float:
        step = rollout.steps[0]
        layers = replace(
            step.layers, patch=torch.full_like(step.layers.patch, alpha), pres=torch.ones_like(step.layers.pres)
        )
        return float(half_transparent(replace(step, layers=layers)))

    step = rollout.steps[0]
    assert len(step.layers.batch) > 0 and painted(0.5) == pytest.approx(step.layers.patch[:, -1].numel())
    assert painted(0.0) == painted(1.0) == 0.0 < painted(0.1) < painted(0.4)


def test_the_border_of_a_box_counts_and_its_middle_does_not(rollout: Rollout) -> None:
    step = rollout.steps[0]

    def mass(inside: float, outside: float) -> float:
        return float(on_border(painted_boxes(step, inside, outside)))

    assert step.slots.alive.any()
    assert mass(1.0, 0.0) == 0.0 and mass(0.0, 1.0) > 0.0


def painted_boxes(step: Step, inside: float, outside: float) -> Step:
    """Every carried object with alpha ``inside`` near the middle of its box and ``outside`` elsewhere."""
    patch = torch.full_like(step.layers.patch, outside)
    for row, (batch, slot) in enumerate(zip(step.layers.batch.tolist(), step.layers.slot.tolist(), strict=True)):
        for n in (step.origin[batch] == slot).nonzero()[:, 0].tolist():
            x, y, width, height = step.slots.box[batch, n].tolist()
            place = torch.arange(patch.shape[-1]) + 0.5
            near_y = (step.layers.corner[row, 0] + place - y).abs() < 0.3 * height
            near_x = (step.layers.corner[row, 1] + place - x).abs() < 0.3 * width
            patch[row][:, near_y[:, None] & near_x] = inside
    return replace(step, layers=replace(step.layers, patch=patch, pres=torch.ones_like(step.layers.pres)))


def test_a_model_that_paints_nothing_has_no_mask_losses(video: Tensor, rollout: Rollout) -> None:
    step = rollout.steps[0]
    empty = replace(step, layers=step.layers.map(lambda tensor: tensor[:0]))
    assert float(half_transparent(empty).detach()) == 0 and float(on_border(empty).detach()) == 0
