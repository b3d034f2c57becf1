"""supervision: a ``.csv`` by its own ``CSVSink``, and `detections`, which gives ``sv.Detections`` frame by frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scalor.outputs.options import Options
from scalor.outputs.pixels import decoded, frames_of
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import atomic_path


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the table: x_min, y_min, x_max, y_max, class_id, confidence, tracker_id, visibility, frame."""
    import supervision as sv

    with atomic_path(ending(out, ".csv", "supervision")) as staging, sv.CSVSink(str(staging)) as sink:
        for frame, found in enumerate(detections(tracked, masks=False)):
            sink.append(found, {"frame": frame})


def detections(tracked: Tracked, *, masks: bool = True) -> Iterator[Any]:
    """`supervision.Detections` of every frame 0, 1, ...; with masks bool [N, H, W] if wanted and there."""
    import supervision as sv

    tracks = tracked.tracks
    for rows in frames_of(tracks):
        here = tracks.select(rows)
        dense = None
        if masks and here.masks is not None:
            empty = np.zeros(tracked.size, bool)
            found = [empty if rle is None else decoded(rle) for rle in here.masks]
            dense = np.array(found, bool).reshape(-1, *tracked.size)
        corners = np.concatenate([here.box_tlwh[:, :2], here.box_tlwh[:, :2] + here.box_tlwh[:, 2:]], axis=1)
        yield sv.Detections(
            xyxy=corners,
            mask=dense,
            confidence=here.score,
            tracker_id=here.id,
            class_id=np.zeros(len(here), int),
            data={"visibility": here.visibility},
        )
