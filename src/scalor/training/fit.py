"""`fit`: learn the objects of the user's own unlabelled videos; sizes, speed and background are estimated from them."""

import dataclasses
import math
import os
import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from scalor import pretrained
from scalor.core.jsonable import override
from scalor.core.seeds import whole_seed
from scalor.core.words import typed
from scalor.data.fingerprints import fingerprint
from scalor.data.footage import Footage, ObjectStats, survey
from scalor.data.region import Region, region_looked_at, region_of
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.models.build import build
from scalor.models.config import ModelConfig
from scalor.training.batches import FootageBatches
from scalor.training.box_prior import with_fitted_prior
from scalor.training.box_survey import usual_boxes
from scalor.training.checkpoint import Plan, RunFolder, random_states_kept, refuse_other_settings
from scalor.training.crop_balance import balanced
from scalor.training.fine_tuning import plan_from_weights, refuse_other_start
from scalor.training.footage_checks import named_once, refuse_larger, refuse_moving_camera, refuse_still
from scalor.training.keepsakes import keepsakes
from scalor.training.object_sizes import UNNOTICED, Sizes, crop_for, scale_for, typical_sizes
from scalor.training.preset import Preset, apply_overrides, settings_of
from scalor.training.resume import DEFAULT_SEED, found_again, refuse_other_preset, refuse_other_seed
from scalor.training.runner import Options, refuse_impossible, run
from scalor.training.train import refuse_both, with_length

ENOUGH = 0.25
"""A training of less than this share of the steps of its preset says that it is too short: docs/results.md is of 600,
and where 2,000 were tried (`vtest`, the plaza) they hardly change its scores."""
FALLING = 0.9
"""More steps would help where the last quarter's error is less than this share of the quarter's before."""


@dataclass(frozen=True)
class FootageSettings:
    """Settings under ``data.`` (``data.object_height=40``); None: estimated from the videos.

    object_height, object_width  of a typical object in pixels of the source
    scale         factor in (0, 1] by which all videos are scaled down
    crop          side of the training crops in scaled pixels; default: by the objects' size
    motion_share  share of the crops that are placed where something moves
    memory_gb     bound on the decoded frames
    """

    object_height: float | None = None
    object_width: float | None = None
    scale: float | None = None
    crop: int | None = None
    motion_share: float = 0.8
    memory_gb: float = 1.0


@random_states_kept()
def fit(
    videos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    preset: Preset | Callable[[Sizes], Preset],
    minutes: float | None = None,
    overrides: Mapping[str, str] | None = None,
    seed: int | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
    steps: int | None = None,
    start: str | os.PathLike[str] | None = None,
    devices: int = 1,
    threads: int | None = None,
    region: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
) -> Path:
    """Learn from videos; returns the run folder, which `pretrained.load` reads.

    Args:
        videos: one or more of whatever `open_video` opens.
        out: the run folder; must be new unless ``resume``.
        preset: a preset, or a function that makes one from the estimated sizes (``configs.fast_video``).
        minutes: how long instead of ``steps``, in minutes of the main thread's processor time (on a GPU, of the clock);
            beside other programs it takes longer on the clock, at most three times as long.
        overrides: changes as ``{"model.cell": "4", "data.object_height": "40", "data.scale": "0.5"}``.
        seed: of weights, noise and crops; 0 if none is given.
        resume: go on from the last checkpoint with the run's own scale, settings and seed; the videos may have moved.
        device: auto, cpu, cuda or mps.
        devices: how many processes share each batch, each on a GPU of its own, or on a part of the cores.
        quiet: print nothing.
        start: weights to start from, of the preset's shape; None: from nothing.
        steps: how long; neither: the preset's steps. A resumed run keeps its length unless one is given;
            then it is that one.
        threads: as `train`.
        region: where to look: any of these rectangles and polygons, in pixels of the first video, or pictures that are
            bright there (see `scalor.data.region.region_of`); elsewhere nothing is learned, nor found by these weights.
            Nothing: where the weights look that it starts from, else everywhere. A resumed run keeps its own.

    Raises:
        UserError: as `train`, for videos that cannot be read, and where nothing moves or the camera does.
        Interrupted: SIGINT or SIGTERM; a KeyboardInterrupt after everything is saved.
    """
    say, given = _silent if quiet else _say, settings_of(overrides or {})
    folder, again = RunFolder(Path(out)), None
    refuse_both(steps, minutes)
    paths = [videos] if isinstance(videos, str | os.PathLike) else named_once(videos, say)
    if resume:
        plan = with_length(_resumed(folder, given), steps, minutes)
        refuse_other_seed(plan, seed)
        refuse_other_start(plan, start)
        if isinstance(preset, Preset):
            refuse_other_preset(plan, preset)
        plan = found_again(plan, paths)
        if region and _region(paths, region) != plan.region:
            raise UserError("--region came with --resume and is not the run's; leave it out, or start a new run")
    else:
        folder.refuse_used(paths)
        chosen = DEFAULT_SEED if seed is None else whole_seed(seed)
        if start is not None:
            pretrained.card(start)  # a slip in the name costs no survey
        place = _region(paths, region)
        if not place and start is not None and (place := region_looked_at(pretrained.card(start))):
            say("looking where those weights look (--region)")
        surveys = _surveys(paths, given, say, place)
        plan = dataclasses.replace(_planned(paths, surveys, preset, given), region=place)
        if start is None and not isinstance(preset, Preset):
            again = partial(_planned, paths, surveys, preset, given)
        if start is not None:
            plan = plan_from_weights(plan, start, footage_settings(given)[1])
            say(f"starting from the weights {os.fspath(start)}")
        length = plan.preset.recipe.steps if steps is None and minutes is None else steps
        plan = dataclasses.replace(plan, seed=chosen, steps=length, minutes=minutes)
    if plan.region and not plan.preset.model.needs_backdrop:
        raise UserError(
            f"--region came with {plan.preset.name}, which knows no empty scene to show elsewhere; a background of the "
            "median family is wanted; leave the region out"
        )
    refuse_impossible(plan.preset, device, devices, threads)
    footage = _loaded(plan)
    if not resume:
        if plan.preset.recipe.bootstrap:
            plan, footage = _with_fitted_prior(plan, footage, again, given, say)
        say(_scale_words(plan, typical_sizes(surveys, plan.scales)))
    for reel in footage.reels:
        say(f"{reel.name}: {reel.report.words()}; at {reel.size[1]}x{reel.size[0]} px for training")
    recipe, crop = plan.preset.recipe, crop_size(footage, plan.crop, cell=plan.preset.model.cell)
    batches = FootageBatches(balanced(footage, plan.usual), plan.seed, crop, recipe.hurry, recipe.crowded, plan.usual)
    if resume:
        folder.keep_length(plan)
    else:
        folder.claim(plan)
    card, extra = keepsakes(plan, footage)
    options = Options(device=device, devices=devices, threads=threads, quiet=quiet, card=card, extra=extra)
    done = run(plan, folder, batches, options)
    say(reached(plan, folder))
    return done


def reached(plan: Plan, folder: RunFolder) -> str:
    """What a training has come to, and what more of it would give, with the command that goes on."""
    rows = [row for row in folder.rows() if "mse" in row]
    recipe, step = plan.preset.recipe, int(pretrained.card(folder.path)["steps"])
    if len(rows) < 4:
        first = before = last = rows[-1]["mse"] if rows else math.nan
    else:
        parts = np.array_split(np.array([row["mse"] for row in rows]), 4)
        first, before, last = (float(np.mean(part)) for part in (parts[0], parts[2], parts[3]))
    before_it = f" after {first:.5f} at the beginning" if len(rows) >= 4 else ""
    text = (
        f"reached: {step} steps, {step * recipe.batch} examples; the squared error of a pixel is {last:.5f}{before_it}"
    )
    more = 2 * step if step >= recipe.steps else recipe.steps
    videos, out = " ".join(shlex.quote(typed(video)) for video in plan.videos), shlex.quote(typed(folder.path))
    command = f"scalor fit {videos} -o {out} --resume"
    if step < ENOUGH * recipe.steps:
        return f"{text}. That is too few steps to trust: {recipe.steps} are usual; go on with {command} --steps {more}"
    if last < FALLING * before:
        return f"{text} and still falls ({before:.5f} before): more steps would help; {command} --steps {more}"
    return f"{text} and hardly falls any more ({before:.5f} before): more steps would give little"


def _with_fitted_prior(
    plan: Plan,
    footage: Footage,
    again: Callable[[float], Plan] | None,
    given: Mapping[str, str],
    say: Callable[[str], None],
) -> tuple[Plan, Footage]:
    """The plan with boxes as single objects have them, and its footage.

    Where these show a perspective, what far things need is planned ``again`` from their mean side in the source, unless
    scale and preset are not free.
    """
    usual = usual_boxes(build(plan.preset.model), footage, given=given)
    if again is not None and usual and usual[0].perspective.measured:
        before = plan.scales[0]
        kept = {name: getattr(plan, name) for name in ("seed", "steps", "minutes", "region")}
        plan = dataclasses.replace(again(usual[0].far / before), **kept)
        footage, known = _loaded(plan), usual[0].perspective.scaled(plan.scales[0] / before)
        usual = usual_boxes(build(plan.preset.model), footage, given=given, known=known)
    return with_fitted_prior(plan, usual, given, say), footage


def _scale_words(plan: Plan, sizes: Sizes) -> str:
    shown = ", ".join(f"{scale:.3f}" for scale in plan.scales)
    return (
        f"training at scale {shown}: objects of "
        f"{sizes.height:.0f} x {sizes.width:.0f} px (height x width), moving up to {sizes.motion:.1f} px per frame "
        "(data.object_height, data.object_width and data.scale override this)"
    )


def _loaded(plan: Plan) -> Footage:
    how = {"memory_gb": plan.memory_gb, "motion_share": plan.motion_share, "smooth": plan.smooth}
    stirs = plan.stirs or [()] * len(plan.videos)
    return Footage.load(plan.videos, scale=list(plan.scales), stirs=stirs, region=plan.region, **how)


def _region(
    paths: Sequence[str | os.PathLike[str]], given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
) -> Region:
    if not (given and paths):
        return ()
    first = open_video(paths[0])
    return region_of(given, (first.source_height, first.source_width))


def _surveys(
    paths: Sequence[str | os.PathLike[str]],
    overrides: Mapping[str, str],
    say: Callable[[str], None],
    region: Region = (),
) -> list[ObjectStats]:
    """What moves in the videos. Raises UserError where none was given or nothing moves."""
    if not paths:
        raise UserError("no video was given; at least one is wanted; name a file or a folder of images")
    surveys = [_surveyed(path, footage_settings(overrides)[0], say, region) for path in paths]
    refuse_still(paths, surveys)
    return surveys


def _planned(
    paths: Sequence[str | os.PathLike[str]],
    surveys: Sequence[ObjectStats],
    preset: Preset | Callable[[Sizes], Preset],
    overrides: Mapping[str, str],
    far: float | None = None,
) -> Plan:
    """Decide on scale and sizes; seed and length are the caller's.

    ``far``: mean side of far things in pixels of a source with perspective.
    """
    settings, rest = footage_settings(overrides)
    if "data" in rest:
        raise UserError(
            f"data is {rest['data']}, and fit learns from its videos alone; leave it out, or use scalor train"
        )
    scales = [settings.scale or scale_for(stats, far) for stats in surveys]
    sizes = typical_sizes(surveys, scales, upright=far is not None)
    made = preset if isinstance(preset, Preset) else preset(sizes)
    made = apply_overrides(dataclasses.replace(made, data="footage"), rest)
    if made.scalor.background.family == "per_video":
        made = apply_overrides(made, {"model.background.videos": str(len(paths))})
    if made.model.needs_backdrop:
        refuse_moving_camera(paths, surveys)
    else:
        made = _without_an_empty_scene(made, made.scalor)
    if made.channels != 3:
        raise UserError(f"model.channels is {made.channels}; footage has 3 channels; set model.channels=3")
    cell = made.model.cell
    return Plan(
        kind="fit",
        preset=made,
        seed=0,
        steps=None,
        minutes=None,
        videos=tuple(str(Path(path).resolve()) for path in paths),
        scales=tuple(float(scale) for scale in scales),
        crop=max(cell, (settings.crop or crop_for(sizes)) // cell * cell),
        motion_share=settings.motion_share,
        memory_gb=settings.memory_gb,
        fingerprints=tuple(fingerprint(Path(path).resolve()) for path in paths),
        smooth=statistics.median_low(stats.smooth * scale for stats, scale in zip(surveys, scales, strict=True)),
        stirs=tuple(stats.stirs for stats in surveys) if any(stats.stirs for stats in surveys) else (),
    )


def _without_an_empty_scene(preset: Preset, model: ModelConfig) -> Preset:
    """What only makes sense beside a median image is off: shadows, the mask of what stands out, proposals from it."""
    return dataclasses.replace(
        preset,
        model=dataclasses.replace(
            model,
            background=dataclasses.replace(model.background, shade=False),
            glimpse=dataclasses.replace(model.glimpse, foreground=False),
            discover=dataclasses.replace(model.discover, evidence=0.0),
            render=dataclasses.replace(model.render, stand_out_sigma=math.inf),
        ),
    )


def _resumed(folder: RunFolder, overrides: Mapping[str, str]) -> Plan:
    plan = folder.plan()
    if plan.kind != "fit":
        raise UserError(f"{folder.path} was made by train; a run of fit is wanted to resume; use scalor train --resume")
    settings, rest = footage_settings(overrides)
    refuse_other_settings(plan.preset, apply_overrides(plan.preset, rest))
    for name, known in _settings_of(plan, settings).items():
        if f"data.{name}" in overrides and getattr(settings, name) != known:
            raise UserError(
                f"the run has data.{name} = {known} and {overrides[f'data.{name}']} came; the same is wanted to "
                "resume; leave it out or start a new run"
            )
    return plan


def _settings_of(plan: Plan, wanted: FootageSettings) -> dict[str, object]:
    """What a plan says about the settings that it keeps: sizes of objects are not among them, only what they led to."""
    scale = plan.scales[0] if len(set(plan.scales)) == 1 else plan.scales
    cell = plan.preset.model.cell
    same_crop = wanted.crop is not None and max(cell, wanted.crop // cell * cell) == plan.crop
    crop = wanted.crop if same_crop else plan.crop
    return {"scale": scale, "crop": crop, "motion_share": plan.motion_share, "memory_gb": plan.memory_gb}


def footage_settings(overrides: Mapping[str, str]) -> tuple[FootageSettings, dict[str, str]]:
    """The settings under ``data.`` and the other overrides. Raises UserError for an unknown key or a useless value."""
    settings, rest = FootageSettings(), {}
    for key, text in overrides.items():
        if key.startswith("data."):
            settings = override(settings, key.removeprefix("data."), text, where="data.")
        else:
            rest[key] = text
    if settings.scale is not None and not 0 < settings.scale <= 1:
        raise UserError(f"data.scale is {settings.scale}; a number above 0 and at most 1 is wanted; videos only shrink")
    if not 0 <= settings.motion_share <= 1:
        raise UserError(f"data.motion_share is {settings.motion_share}; a number from 0 to 1 is wanted; correct it")
    for name in ("object_height", "object_width", "crop", "memory_gb"):
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise UserError(f"data.{name} is {value}; a number above 0 is wanted; correct it")
    return settings, rest


def _surveyed(
    path: str | os.PathLike[str], settings: FootageSettings, say: Callable[[str], None], region: Region
) -> ObjectStats:
    """What moves in a video, in source pixels, with what the user knows better put in."""
    source = open_video(path)
    stats = survey(source, region=region)
    if stats.contrast > 0:
        say(f"{source.name}: {stats.words()}")
    height, width = settings.object_height, settings.object_width
    if height is None and width is None:
        return stats
    refuse_larger(source, height or 0, width or 0)
    # One given side keeps the estimated shape.
    if height is None:
        assert width is not None
        height = width / stats.aspect
    elif width is None:
        width = height * stats.aspect
    grown = (height * width / (stats.height_px * stats.width_px)) ** 0.5
    low, high = stats.height_range
    return dataclasses.replace(
        stats,
        height_px=height,
        width_px=width,
        aspect=width / height,
        height_range=(low * grown, high * grown),
        contrast=stats.contrast or UNNOTICED,
        confidence=max(stats.confidence, 0.5),
    )


def crop_size(footage: Footage, side: int, *, cell: int) -> tuple[int, int]:
    """(height, width) of the training crops: ``side``, or less where no video is that high or wide, in whole cells."""
    height, width = (max(reel.size[axis] for reel in footage.reels) for axis in (0, 1))
    return min(side, -(-height // cell) * cell), min(side, -(-width // cell) * cell)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _silent(text: str) -> None:
    pass
