"""GEFF, the Graph Exchange File Format: a zarr folder of nodes (one per row) and edges (a track's next row).

``t``, ``y`` and ``x`` are the axes (x, y: centre of the box, where the first pixel's centre is 0); ``track_id`` is our
identity; ``left``, ``top``, ``width``, ``height``, ``score`` and ``visibility`` are those of the table.
"""

from pathlib import Path

from scalor.outputs.options import Options
from scalor.outputs.pixels import CENTER, steps_of
from scalor.outputs.places import library, new_folder
from scalor.outputs.tracked import Tracked


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the zarr folder through geff."""
    geff = library("geff", extra="export")
    import networkx as nx

    tracks = tracked.tracks
    graph = nx.DiGraph()
    for row in range(len(tracks)):
        left, top, width, height = tracks.box_tlwh[row].tolist()
        graph.add_node(
            row,
            t=int(tracks.frame[row]),
            y=top + height / 2 - CENTER,
            x=left + width / 2 - CENTER,
            track_id=int(tracks.id[row]),
            left=left,
            top=top,
            width=width,
            height=height,
            score=float(tracks.score[row]),
            visibility=float(tracks.visibility[row]),
        )
    graph.add_edges_from(zip(*(side.tolist() for side in steps_of(tracks)), strict=True))
    metadata = geff.GeffMetadata(
        directed=True, node_props_metadata={}, edge_props_metadata={}, track_node_props={"tracklet": "track_id"}
    )
    with new_folder(out) as folder:
        geff.write(
            graph,
            folder,
            metadata=metadata,
            axis_names=["t", "y", "x"],
            axis_types=["time", "space", "space"],
            axis_units=["frame", "pixel", "pixel"],
            overwrite=True,  # of the empty folder that stands there
        )
