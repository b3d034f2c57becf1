"""Every family of backgrounds trains a step and can be evaluated."""

from collections.abc import Callable
from dataclasses import replace
from math import log, pi

import pytest
import torch

from scalor.core.types import TRACKING, Knobs, Scenery
from scalor.errors import UserError
from scalor.models.background import LatticeBackground, Walk, background, filled, log_likelihood, prevailing
from scalor.models.config import BackgroundConfig, DiscoverConfig, ModelConfig, RenderConfig
from scalor.models.scalor import Scalor
from scalor.rollout import imagine, observe

MakeModel = Callable[..., Scalor]
FAMILIES = {
    "none": BackgroundConfig(family="none"),
    "encoder": BackgroundConfig(family="encoder", code=4, hidden=8, width=16),
    "lattice": BackgroundConfig(family="lattice", code=4, hidden=8, width=16),
    "mixture": BackgroundConfig(family="mixture", code=4, hidden=8, width=16, components=3),
    "fixed": BackgroundConfig(family="fixed", code=4, width=16),
    "per_video": BackgroundConfig(family="per_video", code=4, width=16, videos=3),
    "median": BackgroundConfig(family="median"),
    "median-residual": BackgroundConfig(family="median", residual=True, code=4, hidden=8, width=16),
}


def clip() -> tuple[torch.Tensor, Scenery]:
    video = torch.rand(2, 3, 3, 24, 32)
    return video, Scenery(24, 32, backdrop=video.median(dim=1).values, video=torch.tensor([0, 2]))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_learns_in_a_step_and_gives_a_finite_bound(make_model: MakeModel, family: str) -> None:
    model = make_model(background=FAMILIES[family])
    video, scenery = clip()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    before = [weight.clone() for weight in model.background.parameters()]
    (-observe(model, video, Knobs(), scenery).terms.elbo.mean()).backward()
    optimizer.step()
    assert all(not torch.equal(a, b) for a, b in zip(before, model.background.parameters(), strict=True))
    with torch.no_grad():
        rollout = observe(model, video, Knobs(hard=True, weigh=True), scenery)
        future = imagine(model, rollout.world, 2, Knobs())
    assert torch.isfinite(rollout.terms.log_ratio).all() and torch.isfinite(future.image).all()
    charged = family in ("encoder", "mixture", "lattice", "median-residual")
    assert (rollout.terms.kl_background > 0).all() if charged else (rollout.terms.kl_background == 0).all()
    assert rollout.background.shape == video.shape


def test_videos_have_their_own_background_and_a_fixed_one_is_the_same_for_all(make_model: MakeModel) -> None:
    video, scenery = clip()
    with torch.no_grad():
        own = observe(make_model(background=FAMILIES["per_video"]), video, Knobs(), scenery).background
        same = observe(make_model(background=FAMILIES["fixed"]), video, Knobs(), scenery).background
    assert not torch.allclose(own[0], own[1]) and torch.equal(own[0, 0], own[0, 2])
    assert torch.equal(same[0], same[1])


def test_where_videos_have_their_own_background_the_video_must_be_said(make_model: MakeModel) -> None:
    video, scenery = clip()
    for told in (None, torch.tensor([0, 3])):
        with pytest.raises(UserError if told is None else IndexError, match="each of its 3 videos|out of bounds"):
            observe(make_model(background=FAMILIES["per_video"]), video, Knobs(), scenery.replace(video=told))
    alone = make_model(background=replace(FAMILIES["per_video"], videos=1))
    with torch.no_grad():
        seen = [observe(alone, video, TRACKING, scenery.replace(video=which)) for which in (None, torch.tensor([0, 1]))]
    assert torch.equal(seen[0].background, seen[1].background)


def test_a_median_background_shows_the_backdrop_wherever_there_is_no_object(make_model: MakeModel) -> None:
    model = make_model(background=FAMILIES["median"])
    video, scenery = clip()
    with torch.no_grad():
        step = observe(model, video, Knobs(), scenery).steps[0]
    assert scenery.backdrop is not None and torch.equal(step.background, scenery.backdrop)
    clear = (step.alpha == 0).expand_as(step.image)
    assert clear.any() and torch.equal(step.image[clear], scenery.backdrop[clear])


def test_a_missing_backdrop_and_an_unknown_family_say_what_was_wanted(make_model: MakeModel) -> None:
    video, _ = clip()
    with pytest.raises(ValueError, match="without a backdrop; give Scenery"):
        observe(make_model(background=FAMILIES["median"]), video, Knobs())
    with pytest.raises(ValueError, match="one of none, median, encoder, mixture, lattice, fixed, per_video is wanted"):
        background(ModelConfig(background=BackgroundConfig(family="sky")))


def test_a_mixture_lies_between_the_pictures_of_its_components(make_model: MakeModel) -> None:
    """Two components of one decoder: what is seen lies between their pictures, and codes swapped show the same."""
    mixture = make_model(background=replace(FAMILIES["mixture"], components=2)).background
    scenery, code = Scenery(24, 32), torch.randn(1, 8)
    with torch.no_grad():
        seen = mixture._decoded(code, scenery)
        swapped = mixture._decoded(code.roll(4, dims=1), scenery)
        alone = [torch.sigmoid(mixture.painted(part, scenery)[:, :3]) for part in code.split(4, dim=1)]
    torch.testing.assert_close(seen, swapped)
    low, high = torch.minimum(*alone), torch.maximum(*alone)
    assert (seen >= low - 1e-6).all() and (seen <= high + 1e-6).all() and not torch.allclose(*alone)
    with pytest.raises(ValueError, match="a mixture wants 2 or more"):
        background(ModelConfig(background=replace(FAMILIES["mixture"], components=1)))


def test_the_first_code_is_charged_against_the_standard_normal_and_later_ones_against_the_walk() -> None:
    torch.manual_seed(0)
    part = background(ModelConfig(background=FAMILIES["encoder"]))
    memory = (torch.zeros(1, 4), torch.zeros(1, 8))
    assert isinstance(part, Walk)
    first, hidden = part._prior(memory)
    assert (first.mean == 0).all() and (first.std == 1).all()
    later, _ = part._prior((torch.full((1, 4), 5.0), hidden))
    assert (later.mean - 5.0).abs().max() < 2.0 and (later.std != 1).all()


def test_the_likelihood_equals_torchs_normal() -> None:
    frame, image = torch.rand(2, 3, 5, 4), torch.rand(2, 3, 5, 4)
    theirs = torch.distributions.Normal(image, 0.3).log_prob(frame).sum((1, 2, 3))
    torch.testing.assert_close(log_likelihood(frame, image, 0.3), theirs)


@pytest.mark.parametrize("convex", [True, False])
def test_the_frame_is_foreground_over_background(make_model: MakeModel, convex: bool) -> None:
    """Whatever the composition, what is not foreground is background."""
    model = make_model(background=FAMILIES["median"], render=RenderConfig(convex=convex))
    video, scenery = clip()
    with torch.no_grad():
        step = observe(model, video[:, :1], Knobs(), scenery).steps[0]
    assert (
        (step.alpha >= 0).all()
        and (step.alpha <= 1).all()
        and (step.image >= 0).all()
        and (step.image <= 1 + 1e-5).all()
    )
    assert scenery.backdrop is not None
    white = scenery.backdrop.new_ones(scenery.backdrop.shape)
    shown = Scenery(24, 32, backdrop=white)
    black = Scenery(24, 32, backdrop=0 * white)
    with torch.no_grad():
        torch.manual_seed(1)
        _, sky = _step(model, video, shown, scenery)
        torch.manual_seed(1)
        _, night = _step(model, video, black, scenery)
    torch.testing.assert_close(sky.image - night.image, (1 - sky.alpha).expand_as(sky.image))


def _step(model: Scalor, video: torch.Tensor, shown: Scenery, seen: Scenery):  # type: ignore[no-untyped-def]
    """One step on features of ``seen`` with the backdrop of ``shown`` behind."""
    sight = model.look(model.init(2, seen), video[:, :1])[0]
    return model.step(model.init(2, shown), sight, Knobs())


def test_official_composition_covers_at_least_what_the_convex_one_does(make_model: MakeModel) -> None:
    video, scenery = clip()
    alphas = []
    for convex in (True, False):
        model = make_model(render=RenderConfig(convex=convex))
        torch.manual_seed(1)
        with torch.no_grad():
            alphas.append(_step(model, video, scenery, scenery)[1].alpha)
    assert (alphas[1] >= alphas[0] - 1e-6).all() and (alphas[1] > alphas[0] + 0.01).any()


def test_alpha_is_compared_with_what_stands_out(make_model: MakeModel) -> None:
    """Where nothing moves and nothing is painted the mask costs only its constant; where something does, more."""
    empty = make_model(discover=DiscoverConfig(presence_bias=-5.0), background=FAMILIES["median"])
    told = make_model(
        discover=DiscoverConfig(presence_bias=-5.0),
        background=FAMILIES["median"],
        render=RenderConfig(stand_out=0.1, stand_out_sigma=0.3),
    )
    backdrop = torch.full((1, 3, 24, 32), 0.4)
    still, moving = backdrop.unsqueeze(1), backdrop.unsqueeze(1).clone()
    moving[..., 8:16, 8:16] = 0.9
    scenery, knobs = Scenery(24, 32, backdrop=backdrop), Knobs(stochastic=False)
    with torch.no_grad():
        constant = -24 * 32 * (log(0.3) + 0.5 * log(2 * pi))
        assert observe(told, still, knobs, scenery).terms.log_mask.item() == pytest.approx(constant, rel=1e-4)
        assert observe(told, moving, knobs, scenery).terms.log_mask.item() < constant - 60 * 0.5 / 0.3**2
        terms = observe(empty, moving, knobs, scenery).terms
        assert terms.log_mask.item() == 0
        softer = observe(empty, moving, Knobs(stochastic=False, soften=4.0), scenery).terms
    error = 3 * 64 * 0.5**2  # 8 x 8 pixels of 3 channels that are off by 0.5
    saved = 0.5 * error * (1 - 4.0**-2) / 0.2**2
    assert softer.log_like.item() == pytest.approx(terms.log_like.item() + saved - 3 * 24 * 32 * log(4.0), rel=1e-4)


def test_a_shadow_darkens_the_background_and_leaves_futures_light(make_model: MakeModel) -> None:
    model = make_model(background=BackgroundConfig(family="median", shade=True))
    backdrop = torch.full((1, 3, 24, 32), 0.6) * torch.tensor([1.0, 0.8, 0.6]).view(3, 1, 1)
    video = backdrop.unsqueeze(1).repeat(1, 2, 1, 1, 1)
    video[..., 8:16, 8:16] *= 0.5
    with torch.no_grad():
        seen = observe(model, video, Knobs(stochastic=False), Scenery(24, 32, backdrop=backdrop))
        future = imagine(model, seen.world, 1, Knobs(stochastic=False))
    assert torch.allclose(seen.background[..., 10:14, 10:14], video[..., 10:14, 10:14], atol=1e-3)
    assert torch.equal(future.background[:, 0], backdrop)


def test_holes_are_filled_from_their_rims() -> None:
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 1, 32, 32).clone()
    clear = torch.ones_like(ramp)
    clear[..., 12:20, 12:20] = 0.0
    spoiled = torch.where(clear > 0, ramp, torch.ones_like(ramp))
    seen = filled(spoiled, clear, 4)
    assert seen.shape == (1, 2, 8, 8)
    torch.testing.assert_close(seen[:, 1:], torch.nn.functional.avg_pool2d(clear, 4))
    means = torch.nn.functional.avg_pool2d(ramp, 4)
    rim = seen[:, 1:] > 0
    assert (seen[:, :1] - means)[rim].abs().max() < 0.03  # wider surroundings have a tenth of a say
    assert (seen[:, :1] - means)[~rim].abs().max() < 0.1  # the hole would be 1.0
    assert filled(ramp, torch.zeros_like(ramp), 4).abs().max() == 0


@pytest.mark.parametrize("size", [(24, 32), (40, 52), (64, 64)])
def test_a_lattice_has_the_frames_colours_before_it_learned_anything(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    part = background(ModelConfig(background=BackgroundConfig(family="lattice", code=4)))
    scenery = Scenery(*size)
    frame = torch.tensor([0.6, 0.1, 0.3]).view(1, 3, 1, 1).expand(1, 3, *size).clone()
    alpha = torch.zeros(1, 1, *size)
    alpha[..., 8:16, 8:16] = 1.0
    frame[..., 8:16, 8:16] = 1.0  # an object that the background must not take over
    memory = part.initial(1, scenery, frame)
    with torch.no_grad():
        image, (code, hidden), price = part(frame, alpha, memory, scenery, Knobs(stochastic=False))
    assert image.shape == frame.shape and (price()[0] > 0).all()
    assert code.shape[1:3] == hidden.shape[2:] == (-(-size[0] // 16), -(-size[1] // 16))
    inside = image[..., 4:20, 4:20]
    assert (inside - frame[..., :1, :1]).abs().max() < 0.15
    with torch.no_grad():
        again, _, price = part(None, alpha, (code, hidden), scenery, Knobs(stochastic=False))
    assert (price()[0] == 0).all() and again.shape == frame.shape


@pytest.mark.parametrize("side", [16, 32])
def test_what_prevails_knows_nothing_of_things_that_fill_less_than_half_a_square(side: int) -> None:
    ground = torch.stack(torch.meshgrid(torch.linspace(0.3, 0.5, 40), torch.linspace(0.2, 0.6, 56), indexing="ij"))
    ground = torch.cat([ground, torch.full((1, 40, 56), 0.7)]).unsqueeze(0)
    frame = ground.clone()
    frame[..., 4:14, 4:14] = torch.tensor([1.0, 0.0, 0.1]).view(1, 3, 1, 1)
    empty, seen = prevailing(ground, side), prevailing(frame, side)
    assert seen.shape == frame.shape
    assert (seen - empty).abs().max() < 0.04
    assert (empty - ground).abs().max() < 0.01 * side
    plain = torch.rand(2, 3, 1, 1).expand(2, 3, 40, 56)
    assert (prevailing(plain, side) - plain).abs().max() < 1e-3


def test_a_lattice_says_which_sides_and_codes_it_can_have() -> None:
    with pytest.raises(ValueError, match="lattice is 12; wanted 4, 8, 16 or 32 px"):
        background(ModelConfig(background=BackgroundConfig(family="lattice", lattice=12)))
    with pytest.raises(ValueError, match="code is 2; a lattice wants 3 or more"):
        background(ModelConfig(background=BackgroundConfig(family="lattice", code=2)))


@pytest.mark.parametrize(("side", "channels", "code"), [(4, 1, 1), (8, 3, 3), (16, 1, 4), (32, 3, 6)])
def test_a_lattice_of_any_side_keeps_exact_books(side: int, channels: int, code: int) -> None:
    """Importance ratio and KL are sums over squares; nothing mixes clips."""
    torch.manual_seed(0)
    part = background(
        ModelConfig(channels=channels, background=BackgroundConfig(family="lattice", code=code, lattice=side))
    )
    assert isinstance(part, LatticeBackground)
    scenery = Scenery(40, 72)
    frame, alpha = torch.rand(3, channels, 40, 72), torch.rand(3, 1, 40, 72)
    with torch.no_grad():
        memory = part.initial(3, scenery, frame)
        prior, _ = part._prior(memory)
        guide = part._posterior(frame, 1 - alpha)
        torch.manual_seed(1)
        image, (codes, _), price = part(frame, alpha, memory, scenery, Knobs())
        kl, ratio = price()
        q, p = (torch.distributions.Normal(site.mean, site.std) for site in (guide, prior))
        alone, *_ = part(frame[1:2], alpha[1:2], part.initial(1, scenery, frame), scenery, Knobs(stochastic=False))
        beside, *_ = part(frame, alpha, memory, scenery, Knobs(stochastic=False))
    torch.testing.assert_close(kl, torch.distributions.kl_divergence(q, p).sum((1, 2, 3)))
    torch.testing.assert_close(ratio, (p.log_prob(codes) - q.log_prob(codes)).sum((1, 2, 3)), rtol=1e-4, atol=1e-3)
    assert image.shape == frame.shape
    torch.testing.assert_close(alone[0], beside[1])
