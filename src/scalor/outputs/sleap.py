"""SLEAP: a ``.slp`` by sleap-io.

Every row is a predicted box and, where there is one, a mask; tracks are named by identity.
"""

from pathlib import Path

import numpy as np

from scalor.errors import UserError
from scalor.outputs.footage import place_of
from scalor.outputs.options import Options
from scalor.outputs.pixels import decoded, frames_of
from scalor.outputs.places import ending, library
from scalor.outputs.tracked import Tracked
from scalor.viz.export import atomic_path


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the file; it names the video but does not hold it."""
    sio = library("sleap_io", extra="sleap")
    if not hasattr(sio, "PredictedBoundingBox"):
        raise UserError("this sleap-io knows no boxes; version 0.9.5 or newer is wanted; pip install 'scalor[sleap]'")
    tracks = tracked.tracks
    height, width = tracked.size
    video = sio.Video(
        filename=str(options.video or place_of(tracked) or tracked.name),
        backend_metadata={"shape": (tracks.length, height, width, 3)},
        open_backend=False,
    )
    names = {int(identity): sio.Track(name=str(identity)) for identity in np.unique(tracks.id)}
    frames = []
    for number, rows in enumerate(frames_of(tracks)):
        if not len(rows):
            continue
        frame = sio.LabeledFrame(video=video, frame_idx=number)
        for row in rows.tolist():
            left, top, wide, high = tracks.box_tlwh[row].tolist()
            about = {"track": names[int(tracks.id[row])], "score": float(tracks.score[row]), "source": "scalor"}
            frame.bboxes.append(sio.PredictedBoundingBox.from_xywh(left, top, wide, high, **about))
            rle = tracks.masks[row] if tracks.masks is not None else None
            if rle is not None:
                frame.masks.append(sio.PredictedSegmentationMask.from_numpy(decoded(rle), **about))
        frames.append(frame)
    labels = sio.Labels(labeled_frames=frames, videos=[video], tracks=list(names.values()))
    with atomic_path(ending(out, ".slp", "sleap")) as staging:
        staging.unlink()  # the library refuses to write over files
        sio.save_slp(labels, str(staging), verbose=False)
