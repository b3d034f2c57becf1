"""Presets. ``fast-*`` are ours, for CPUs; ``paper-*`` have the official network sizes (spec A.11, A.14)."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from scalor.configs.ablations import ablated
from scalor.configs.baselines import BASELINES
from scalor.configs.beyond import NEAREST, on_balls, on_benchmark
from scalor.configs.gated import gated, uncut
from scalor.configs.natural import NATURAL_PRESETS
from scalor.configs.study import STUDY
from scalor.core.geometry import WhereConfig
from scalor.core.jsonable import nearest
from scalor.core.schedule import Recipe
from scalor.core.sites import LOGIT_BOUND
from scalor.data.balls import balls
from scalor.data.benchmark_sets import benchmark_set
from scalor.data.digits import DigitsConfig, digits
from scalor.data.sprites import SpritesConfig, sprites
from scalor.errors import UserError
from scalor.models.config import (
    BackgroundConfig,
    DiscoverConfig,
    EncoderConfig,
    GlimpseConfig,
    MergeConfig,
    ModelConfig,
    PropagateConfig,
    RenderConfig,
)
from scalor.nets.pyramid import ConvStyle
from scalor.training.object_sizes import Sizes, largest_step
from scalor.training.preset import Preset

OFF = math.inf
FAST_CELLS = {"vld": 8, "ld": 4, "md": 4, "hd": 4, "vhd": 4, "bg": 4, "ablation": 4}
"""About half the object's side (two prototypes agreed)."""

CROWDS = ("hd", "vhd", "bg")
"""The densities with some fifty objects or more: neighbours touch everywhere."""
CROWD_PROPOSALS = {"hd": 20, "vhd": 28, "bg": 20}
"""Proposals decoded per 64 cells, where the default of `DiscoverConfig` is too few for the crowd."""

FAST_WHAT = {"md": 12, "hd": 8, "vhd": 8, "bg": 8, "ablation": 12}
"""Numbers for the looks of an object: few where many touch, or one object of two colours is cheaper than two."""

CROWD_SPREAD = 0.15
"""Range of box sizes, as a share: as much as the objects' own, so that no box holds two of them."""

CROWD_RECIPE = replace(Recipe(), batch=8, lengths=((0.0, 2), (0.08, 4), (0.3, 8)), blind_frames=((0.0, 2), (0.3, 4)))
"""A clip holds several times as many objects: fewer clips a step teach as much sooner; what parts neighbours is that
they move, so that most of the time goes to long clips."""


def color_sigma(size: float) -> float:
    """Likelihood std of clips in three colours with objects of ``size`` pixels.

    The evidence of an object grows with its pixels, the price of an object does not: large ones need less per pixel.
    """
    return round(min(0.3, max(0.15, size / 60)), 2)


def grey_sigma(size: float) -> float:
    """Likelihood std of grey clips with objects of ``size`` pixels.

    One channel is less evidence than three, but a large digit has so much of it that its strokes pass for objects.
    """
    return round(min(0.3, 0.0015 * size**2), 2)


def fast_recipe(data: SpritesConfig | DigitsConfig, cell: int, recipe: Recipe) -> Recipe:
    """The recipe for made clips: the prior knows how many objects a first frame has, as it knows their size."""
    shown = min(1.0, ((data.size + data.object_size) / (data.canvas - data.object_size)) ** 2)
    objects = shown * sum(data.count) / 2
    return replace(recipe, first_birth=round(objects / (data.size / cell) ** 2, 3))


def fast_where(size: float, spread: float = 0.3) -> WhereConfig:
    """Boxes for objects of ``size`` pixels, and up to ``spread`` larger or smaller."""
    return WhereConfig(size=1.1 * size, size_range=spread * size, ratio=1.0, ratio_range=0.2, reach=0.8)


def fast_walls(data: SpritesConfig | DigitsConfig, where: WhereConfig) -> PropagateConfig:
    """Objects of made clips turn round outside the view, where nobody sees them and it cannot be learned.

    The model is told where, for objects of the mean size. One that had to stop at the edge would linger there.
    """
    margin = (data.canvas - data.size - data.object_size) / 2
    return PropagateConfig(leave=round(margin / where.size, 2), reflect=True)


def fast_sprites(density: str) -> Preset:
    """Moving sprites of one of the paper's densities, on black or (bg) moving ground."""
    data, crowd = sprites(density), density in CROWDS
    default, looks = DiscoverConfig(), GlimpseConfig()
    where = fast_where(data.object_size, CROWD_SPREAD) if crowd else fast_where(data.object_size)
    black = data.background == "black"
    model = ModelConfig(
        cell=FAST_CELLS[density],
        where=where,
        glimpse=replace(looks, what=FAST_WHAT.get(density, looks.what)),
        propagate=fast_walls(data, where),
        discover=replace(default, proposals=CROWD_PROPOSALS.get(density, default.proposals)),
        background=BackgroundConfig() if black else BackgroundConfig(family="lattice", code=6),
        # What the background's codes cannot say must not be worth an object.
        render=RenderConfig(sigma=color_sigma(data.object_size) if black else 0.22),
    )
    recipe = fast_recipe(data, FAST_CELLS[density], CROWD_RECIPE if crowd else Recipe())
    if not black:  # With the present core carried objects fade, and all are found anew in every frame (ADR 31).
        model, recipe = gated(model, context=True), uncut(recipe)
    return Preset(name=f"fast-sprites-{density}", data=f"sprites-{density}", model=model, recipe=recipe)


def fast_digits(density: str) -> Preset:
    """Moving digits, grey.

    With the core from before evidence (ADR 8): strokes a pixel beside their place speak against an object. The present
    core starts faster (digits LD, 300 steps: 74 % MOTA), but no long training of it has reached what this one does.
    """
    data = digits(density)
    where = fast_where(data.object_size)
    model = ModelConfig(
        channels=data.channels,
        cell=FAST_CELLS[density],
        where=where,
        propagate=fast_walls(data, where),
        render=RenderConfig(sigma=grey_sigma(data.object_size)) if data.channels == 1 else RenderConfig(),
    )
    recipe = fast_recipe(data, FAST_CELLS[density], uncut(Recipe()))
    model = gated(model, context=False)
    return Preset(name=f"fast-digits-{density}", data=f"digits-{density}", model=model, recipe=recipe)


DEFAULT_SIZES = Sizes(height=20.0, width=10.0, spread=0.5, motion=6.0, noise=0.01)
"""Walking people."""


def footage_sigma(sizes: Sizes) -> float:
    """Likelihood std: a fixed part of the objects' contrast, so that faint objects are found too.

    Much lower, and the details of one object are worth several objects; much higher, and it is not worth one.
    """
    return max(min(0.1, 0.2 * sizes.contrast), 1.5 * sizes.noise, 0.02)


FAST = 0.25
"""What moves by more of its longer side per frame, now and then, darts: it is learned at twice the speed as well."""

SLOW, JITTER, JITTER_LOOKS, SLACK = 0.05, 0.15, 0.3, 0.02
"""In clips of eight frames nothing is ever far from its box: how boxes that have slipped, or grown, get back is learned
from boxes that are put aside, and changed in size, by this share of their sides. Where things move by more than so much
of their longer side per frame, those beside others are not put aside: they would lie on a neighbour. Looks, codes of
about 1, are changed by `JITTER_LOOKS`. Boxes may lie beside their objects by `SLACK` (`PropagateConfig`)."""

SMALL_PX = 14.0
"""Objects whose longer side is shorter than this need cells of 4 px: about half of it, as elsewhere."""


def glimpse_side(longer: float) -> int:
    """Side of the glimpses of objects with a longer side of so many pixels: no more pixels than there are to see."""
    return 24 if longer >= 18 else 16 if longer >= 10 else 8


def footage_encoder(longer: float) -> EncoderConfig:
    """One halving less where the cells are half as large."""
    if longer < SMALL_PX:
        return EncoderConfig(widths=(16, 32), memory=24, memory_stride=1, mask_widths=(4, 8), cell_clip=1.0)
    return EncoderConfig(widths=(16, 32, 48), memory=24, memory_stride=1, mask_widths=(4, 8, 8), cell_clip=1.0)


def fast_video(sizes: Sizes = DEFAULT_SIZES) -> Preset:
    """The user's own footage from a fixed camera, with objects of about these sizes."""
    # Things that turn have any ratio around 1, but one area.
    perspective = max(0.5 * abs(math.log(sizes.growth)) + 0.2, sizes.spread) if sizes.growth != 1.0 else 0.0
    longer, longish = max(sizes.height, sizes.width), math.log(sizes.elongation)
    ratio = 1.0 if sizes.turns else min(4.0, max(0.25, sizes.height / sizes.width))
    where = WhereConfig(
        size=1.15 * math.sqrt(sizes.height * sizes.width),
        # A range of a factor of 4 invites two people who walk side by side to be one object; perspective needs it.
        size_range=min(1.1, max(0.4 if sizes.turns else min(0.6, max(0.3, sizes.spread)), perspective, 0.3 * longish)),
        ratio=ratio,
        ratio_range=min(2.5, max(0.9, longish + 0.4)) if sizes.turns else 0.5,
        scale="log",
        reach=0.8,
        motion=largest_step(sizes.motion),
    )
    model = ModelConfig(
        cell=4 if longer < SMALL_PX else 8,
        where=where,
        encoder=footage_encoder(longer),
        glimpse=GlimpseConfig(
            side=glimpse_side(longer), alpha_gain=2.0, alpha_bias=-1.0, level=sizes.level, foreground=True
        ),
        # Things turn and are lit anew: looks change, around what they usually are. Nothing may drift, or add up.
        propagate=PropagateConfig(
            position=False,
            leave=0.5,
            slow=OFF,
            habit=8,
            steady=True,
            constant_velocity=True,
            slack=SLACK,
            cell_clip=1.0,
        ),
        background=BackgroundConfig(family="median", shade=sizes.shadows, darkest=sizes.darkest, tint=sizes.tint),
        # The boxes of long thin things that turn are mostly empty: two halves of one overlap less.
        discover=DiscoverConfig(twin_box=0.2 if sizes.turns else 0.35, evidence=0.5),
        render=RenderConfig(
            sigma=footage_sigma(sizes), stand_out=max(0.3 * sizes.contrast, 2.5 * sizes.noise), stand_out_sigma=0.3
        ),
    )
    # Pixels of a real object agree with each other: the likelihood counts them as independent evidence, so that a new
    # object must cost more than among sprites, or people are explained in halves.
    # At first only what stands out counts, then what it looks like: else objects fade before they know their colours.
    recipe = Recipe(
        batch=8,
        lr=1.2e-3,
        soften=10.0,
        birth=(0.1, 1e-6),
        bootstrap=100.0,
        hurry=0.25 if sizes.motion > FAST * longer else 0.0,
        jitter=JITTER,
        jitter_beside=JITTER if sizes.motion < SLOW * longer else 0.0,
        jitter_looks=JITTER_LOOKS,
        crowded=0.5,
        dropout_until=0.7,
        carry_until=0.15,
        blind_every=0,
        lengths=((0.0, 2), (0.2, 4), (0.6, 8)),
        steps=2000,
    )
    return Preset(name="fast-video", data="footage", model=model, recipe=recipe)


def paper_model(where: WhereConfig, *, cell: int, glimpse: int, what: int) -> ModelConfig:
    """The official network sizes and switches (spec A.11).

    Not official are the background's decoder, which paints frames of any size and is smaller; the encoder, which lacks
    ``lat`` and ``cat`` (0.79 M parameters, official 0.99 M); the proposal, whose heads are one 1x1 convolution (0.10 M,
    0.18 M); and attention, which lacks a 1x1 convolution with its norm: 2.92 M in all for ``paper-natural``, official
    5.00 M. In training, too, an object with less than 5 % of its box in view ends at once (`propagate.GONE`); the
    official code holds it at the border.
    """
    deeper = (64,) * (int(math.log2(cell)) - 3)
    return ModelConfig(
        cell=cell,
        posterior_shift=0.0,
        presence_slope=LOGIT_BOUND,
        style=ConvStyle(act="celu", norm=True),
        where=where,
        encoder=EncoderConfig(
            widths=(16, 32, 64, *deeper),
            refine=True,
            memory=64,
            memory_layers=2,
            memory_stride=1,
            mask_widths=(16, 32, *deeper, 32),
        ),
        glimpse=GlimpseConfig(side=glimpse, kind="conv", what=what, context=False),
        propagate=PropagateConfig(
            tracker=128,
            attended=128,
            dynamics=64,
            residual=0.0,
            update="gated",
            slow=OFF,
            presence_bias=2.0,
            legacy_what_std=True,
        ),
        discover=DiscoverConfig(
            overlap=0.3, twin_iou=OFF, twin_inside=OFF, twin_certain=OFF, proposals=64, ring=0, presence_bias=0.0
        ),
        merge=MergeConfig(iou=OFF),
        render=RenderConfig(convex=False, depth="sigmoid"),
    )


def paper_recipe() -> Recipe:
    """Toy experiments (spec A.14): RMSprop, constant rate, ten frames from the start, detached for 30 000 steps."""
    return Recipe(
        batch=16,
        lr=5e-4,
        warmup=1,
        lr_final=1.0,
        optimizer="rmsprop",
        lengths=((0.0, 10),),
        temperature=0.3,
        temperature_steps=20_000,
        detach_until=0.3,
        birth=(0.1, 1e-4),
        cuts=0.0,
        discover_dropout=0.0,
        carry_until=0.0,
        blind_every=0,
        ema=0.0,
        steps=100_000,
    )


def paper_toy(name: str, data: SpritesConfig | DigitsConfig, *, channels: int) -> Preset:
    """The paper's toy experiments on our sprites and digits: 8 x 8 cells, boxes from 0.5 to 1.5 times the object."""
    size = data.object_size
    where = WhereConfig(size=size, size_range=0.5 * size, ratio=1.0, ratio_range=0.2, reach=1.0, motion=0.1 * data.size)
    model = paper_model(where, cell=8, glimpse=32, what=16)
    family = "encoder" if data.background != "black" else "none"
    model = replace(model, channels=channels, background=BackgroundConfig(family=family, code=10))
    return Preset(name=f"paper-{name}", data=name, model=model, recipe=paper_recipe())


def paper_sprites(density: str) -> Preset:
    """Moving sprites with the official network sizes."""
    return paper_toy(f"sprites-{density}", sprites(density), channels=3)


def paper_digits(density: str) -> Preset:
    """Moving digits with the official network sizes."""
    return paper_toy(f"digits-{density}", digits(density), channels=1)


def paper_natural() -> Preset:
    """Grand Central Station at 128 px: 8 x 8 cells, at most 45 objects (spec A.14, official code)."""
    where = WhereConfig(size=12.8, size_range=3.84, ratio=2.5, ratio_range=0.5, reach=1.0, motion=12.8)
    model = paper_model(where, cell=16, glimpse=64, what=64)
    model = replace(
        model,
        discover=replace(model.discover, slots=45),
        background=BackgroundConfig(family="encoder", code=10, width=64),
        render=replace(model.render, sigma=0.1),
    )
    recipe = replace(
        paper_recipe(), batch=20, lr=4e-5, temperature=0.5, birth=(0.1, 1e-3), detach_until=0.3, steps=100_000
    )
    return Preset(name="paper-natural", data="grand-central", model=model, recipe=recipe)


def ablation(kept: str) -> Preset:
    """Figure 8: which of attention and rejection is kept."""
    return ablated(fast_sprites("ablation"), kept)


def fast_balls(kind: str, neighbors: int = NEAREST) -> Preset:
    """Balls of the named kind, with or without knowing of each other."""
    data = balls(kind)
    return on_balls(fast_sprites("vld" if data.radius > 6 else "md"), data, neighbors=neighbors)


def fast_benchmark(kind: str) -> Preset:
    """A set like one of the Object-Centric Representation Benchmark: spmot, vmds or texvmds."""
    return on_benchmark(fast_sprites("md" if kind == "spmot" else "vld"), benchmark_set(f"{kind}-like"))


def tiny() -> Preset:
    """Seconds on one core: for tests and for trying things out; it learns little."""
    model = ModelConfig(
        cell=8,
        where=fast_where(9.0),
        encoder=EncoderConfig(widths=(8, 8), memory=8, mask_widths=(4, 4)),
        glimpse=GlimpseConfig(side=8, hidden=(32,), what=8),
        propagate=PropagateConfig(tracker=16, dynamics=16, attended=16, window=2),
        # Objects from the first step on, however short the training.
        discover=DiscoverConfig(presence_bias=1.0),
    )
    recipe = Recipe(
        batch=2,
        warmup=2,
        lengths=((0.0, 2), (0.5, 3)),
        temperature_steps=100,
        birth=(0.2, 0.05),
        birth_steps=100,
        steps=20,
    )
    return Preset(name="tiny", data="sprites-tiny", model=model, recipe=recipe)


PRESETS: dict[str, Callable[[], Preset]] = {
    **{f"fast-sprites-{name}": partial(fast_sprites, name) for name in ("vld", "ld", "md", "hd", "vhd", "bg")},
    **{f"fast-digits-{name}": partial(fast_digits, name) for name in ("vld", "ld", "md")},
    "fast-video": fast_video,
    **{f"paper-sprites-{name}": partial(paper_sprites, name) for name in ("vld", "ld", "md", "hd", "vhd", "bg")},
    **{f"paper-digits-{name}": partial(paper_digits, name) for name in ("vld", "ld", "md")},
    "paper-natural": paper_natural,
    **NATURAL_PRESETS,
    **{f"ablation-{kept}": partial(ablation, kept) for kept in ("none", "attention", "rejection", "both")},
    **STUDY,
    "balls": partial(fast_balls, "bounce"),
    "balls-alone": partial(fast_balls, "bounce", 0),
    **{f"balls-{kind}": partial(fast_balls, kind) for kind in ("pass", "many", "billiards")},
    **{f"fast-{kind}": partial(fast_benchmark, kind) for kind in ("spmot", "vmds", "texvmds")},
    "tiny": tiny,
    **BASELINES,
}


def preset_named(name: str) -> Preset:
    """The preset of that name. Raises UserError naming the nearest where there is none."""
    if name not in PRESETS:
        raise UserError(f"preset {name} is unknown; {nearest(name, PRESETS)}")
    return PRESETS[name]()
