"""The page: drop a video, learn, track, put identities right, take the tracks away."""

import csv
import html
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalor.app.room import Room
from scalor.cli.export import FORMATS
from scalor.errors import UserError
from scalor.outputs.correct import ACTIONS, COLUMNS

ENDINGS = {"cvat": ".zip", "coco": ".json", "trackmate": ".xml", "sleap": ".slp", "video": ".mp4", "plot": ".png"}
ENDINGS |= dict.fromkeys(("movement", "supervision", "trackpy"), ".csv")
"""Of the formats that are one file; the others are folders, which are packed."""


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for: size of a video, minutes to learn, and minutes that any other command may take."""

    megabytes: int = 500
    learn_minutes: float = 30.0
    other_minutes: float = 60.0


def build(house: Path, limits: Limits) -> Any:
    """The page as `gradio.Blocks`; rooms of its visitors are made in the folder ``house``."""
    import gradio as gr

    with gr.Blocks(title="scalor", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        room = gr.State(None, time_to_live=6 * 3600, delete_callback=_leave)
        gr.Markdown("# scalor\nFinds and follows the moving things of a video, without labels, on this machine.")
        video = gr.File(label="1. A video", file_types=["video", ".tif", ".tiff"], elem_id="video")
        with gr.Row():
            step = min(0.5, limits.learn_minutes / 2)  # a value off the slider's own steps would come as text
            usual = min(10, int(limits.learn_minutes / step)) * step
            minutes = gr.Slider(
                step, limits.learn_minutes, usual, step=step, label="minutes to learn", elem_id="minutes"
            )
            learn = gr.Button("2. Learn and track", variant="primary", elem_id="learn")
            classical = gr.Button("Track by the classical method", elem_id="classical")
            stop = gr.Button("Stop", variant="stop", elem_id="stop")
        said = gr.Textbox(label="What happens", lines=8, elem_id="said", interactive=False)
        picture = gr.Image(label="What it sees", elem_id="picture", interactive=False, visible=False)
        overlay = gr.Video(label="The tracks", elem_id="overlay", interactive=False)
        report = gr.HTML(elem_id="report")
        with gr.Accordion("3. Put identities right", open=False):
            gr.Markdown(f"One correction a line: {', '.join(ACTIONS)}. Frames count from 1; empty means all.")
            table = gr.Dataframe(headers=list(COLUMNS), row_count=4, type="array", elem_id="table", interactive=True)
            correct = gr.Button("Apply", elem_id="correct")
        with gr.Row():
            to = gr.Dropdown(list(FORMATS), value="coco", label="4. Take the tracks away as", elem_id="format")
            export = gr.Button("Export", elem_id="export")
            file = gr.File(label="The file", elem_id="file", interactive=False)

        shown = [said, picture, overlay, report]
        page.load(lambda: Room(house), outputs=room)
        video.upload(_told(_take), [room, video], said)
        # One heavy command at a time, whoever asked for it; the others wait in line. Buttons have a line each else.
        line = {"concurrency_id": "commands", "concurrency_limit": 1}
        runs = [
            learn.click(_told(_learner(limits)), [room, minutes], shown, **line),
            classical.click(_told(_tracker(limits)), [room], shown, **line),
            correct.click(_told(_corrector(limits)), [room, table], shown, **line),
            export.click(_told(_exporter(limits)), [room, to], file, **line),
        ]
        stop.click(_stop, room, said, cancels=runs, queue=False)
    return page.queue(default_concurrency_limit=1, max_size=32)


def _told(handler: Any) -> Any:
    """A handler whose user errors are shown as a message rather than as a failure."""
    import gradio as gr

    def told(*args: Any) -> Iterator[Any]:
        try:
            yield from handler(*args)
        except UserError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from error

    return told


def _leave(room: Room | None) -> None:
    if room is not None:
        room.close()


def _stop(room: Room) -> str:
    room.stop()
    return "Stopped."


def _take(room: Room, upload: str) -> Iterator[str]:
    room.take(upload)
    yield "The video is here. Learn from it, or track it by the classical method at once."


def _learner(limits: Limits) -> Any:
    def learn(room: Room, minutes: float) -> Iterator[tuple[Any, ...]]:
        video = _video(room)
        minutes = min(float(minutes), limits.learn_minutes)
        shutil.rmtree(room.run, ignore_errors=True)
        begun = time.monotonic()
        words: list[str | Path] = ["fit", video, "-o", room.run, "--minutes", f"{minutes:g}"]
        for said in room.command(words, limit=60 * (minutes + limits.other_minutes)):
            share = min(1.0, (time.monotonic() - begun) / (60 * minutes))
            bar = "█" * round(20 * share) + "░" * (20 - round(20 * share))
            yield f"Learning {bar} {share:.0%}\n{said}", _newest(room.run), None, ""
        yield from _tracked(room, ["-w", room.run], limits, _newest(room.run))

    return learn


def _tracker(limits: Limits) -> Any:
    def track(room: Room) -> Iterator[tuple[Any, ...]]:
        yield from _tracked(room, ["--method", "mog2-sort"], limits, None)

    return track


def _tracked(room: Room, how: Sequence[str | Path], limits: Limits, picture: Any) -> Iterator[tuple[Any, ...]]:
    tracks = room.fresh("tracks")
    for said in room.command(["track", _video(room), *how, "-o", tracks], limit=60 * limits.other_minutes):
        yield f"Tracking\n{said}", picture, None, ""
    room.tracks = tracks
    yield (
        _without_places(said),
        _hidden() if picture else None,
        str(tracks / "overlay.mp4"),
        _framed(tracks / "report.html"),
    )


def _corrector(limits: Limits) -> Any:
    def correct(room: Room, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        tracks, corrections, fixed = _tracks(room), room.fresh("corrections.csv"), room.fresh("tracks")
        lines = [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
        with corrections.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *lines])
        words: list[str | Path] = ["correct", tracks, corrections, "--video", _video(room), "-o", fixed]
        for said in room.command(words, limit=60 * limits.other_minutes):
            yield said, None, None, ""
        room.tracks = fixed
        yield _without_places(said), None, str(fixed / "overlay.mp4"), _framed(fixed / "report.html")

    return correct


def _exporter(limits: Limits) -> Any:
    def export(room: Room, to: str) -> Iterator[str | None]:
        ending = ENDINGS.get(to, "")
        place = room.fresh(f"{to}{ending}")
        words: list[str | Path] = ["export", _tracks(room), "--to", to, "--video", _video(room), "-o", place]
        for _ in room.command(words, limit=60 * limits.other_minutes):
            yield None
        yield str(place) if ending else shutil.make_archive(str(place), "zip", place)

    return export


def _video(room: Room) -> Path:
    if room.video is None:
        raise UserError("there is no video yet; drop one first")
    return room.video


def _tracks(room: Room) -> Path:
    if room.tracks is None:
        raise UserError("there are no tracks yet; learn and track first")
    return room.tracks


def _newest(run: Path) -> Any:
    """The latest picture of a training, if there is one."""
    import gradio as gr

    pictures = sorted((run / "pictures").glob("step-*.png"))
    return gr.update(value=str(pictures[-1]), visible=True) if pictures else None


def _hidden() -> Any:
    """What was learned is seen in the tracks now."""
    import gradio as gr

    return gr.update(value=None, visible=False)


def _without_places(said: str) -> str:
    """What a command said, without where its files are: a visitor has no way there but this page."""
    return "\n".join(line.split(" Everything is in ")[0] for line in said.splitlines() if line[:11] != "Everything ")


def _framed(report: Path) -> str:
    """A report inside the page, which cannot reach out of its frame."""
    content = html.escape(report.read_text(encoding="utf-8"), quote=True)
    style = "width: 100%; height: 80vh; border: 1px solid #8884; border-radius: 6px"
    return f'<iframe title="report" sandbox="allow-scripts" style="{style}" srcdoc="{content}"></iframe>'
