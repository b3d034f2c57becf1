"""The survey: what moves in a video, before anything is learned of it."""

from dataclasses import replace

import numpy as np

from scalor.data.backdrop import bring_to_rest, empty_scene
from scalor.data.candidates import temporal_median
from scalor.data.objects import CLEARLY, ObjectStats, estimate_objects, nothing
from scalor.data.region import Region, empty_outside
from scalor.data.source import VideoSource, smoothed
from scalor.data.steady import pans, steadied
from scalor.data.stirring import outlines_of

SURVEY_SIDE = 800
"""Longest side at which footage is surveyed, in pixels."""
NOISY = 0.02
"""Noise, 0..1, above which sizes are measured in smoothed frames too."""
SMOOTHINGS = (1.0, 2.0)
"""Stds in pixels of what the survey sees."""


def survey(source: VideoSource, *, count: int = 80, region: Region = ()) -> ObjectStats:
    """`estimate_objects` on pairs of frames spread over a source; lengths in the *source's* stored pixels.

    ``region``: where to look (see `scalor.data.region`); everywhere without one.
    """
    factor = min(1.0, SURVEY_SIDE / max(source.height, source.width))
    size = (max(1, round(source.height * factor)), max(1, round(source.width * factor)))
    stored = (source.source_height, source.source_width)
    before = (source.height, source.width)
    try:  # a hundred frames of a large video would not fit into memory at full size
        sampled = source.resized(size=size).sample(count, consecutive=2)
    finally:
        source.resized(size=before)
    if len(sampled) < 3:
        return nothing(stored)
    frames = np.stack([frame.image for frame in sampled if frame.image is not None])
    index = np.array([frame.index for frame in sampled])
    if pans(frames, index):
        return replace(nothing(stored), pans=True)
    seen = steadied(frames, temporal_median(frames))
    frames, index = frames[seen], index[seen]
    if len(frames) < 3:
        return nothing(stored)
    scene = empty_scene(frames)
    stirs = outlines_of(scene.stirs)
    rested = frames.copy()
    bring_to_rest(rested, scene)
    empty_outside(rested, scene.image, region)
    stats = estimate_objects(rested, scene.image, index=index, noise=scene.noise)
    for std in SMOOTHINGS if np.median(scene.noise) > 255 * NOISY else ():
        rested = np.stack([smoothed(frame, std) for frame in frames])
        scene = empty_scene(rested, scene.stirs)
        bring_to_rest(rested, scene)
        empty_outside(rested, scene.image, region)
        other = estimate_objects(rested, scene.image, index=index, noise=scene.noise, grainy=True)
        if other.confidence > CLEARLY * stats.confidence:
            stats = replace(other, smooth=std)
    return replace(stats, stirs=stirs).resized(stored)
