"""`Worker`: holds the weights and tracks one video after the other, into folders that are complete or not there."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import scalor
from scalor.core.files import put_text
from scalor.data.fingerprints import fingerprint, fingerprints, former_fingerprint
from scalor.errors import UserError
from scalor.fleet.plan import Job, marked
from scalor.outputs.report import write_report
from scalor.outputs.track_folder import track_to_folder
from scalor.tracking.setup import load
from scalor.viz.export import SUMMARY

RECORD = "fleet.json"
"""In every folder, so that a finished one is known again; it appears with all the rest."""
LOCK = ".lock"
"""In every unfinished folder, held by the process that fills it."""
TRIES = 2
"""A video during which the process was ended so often is not tried again."""
VERSION = "another version"
COMPARED = {
    "fingerprint": "other contents",
    "weights_sha256": "other weights",
    "settings": "other settings",
    "made_by": VERSION,
}
"""What a record must have in common with what is wanted, and what it is called where it has not."""
DONE, SKIPPED, FAILED = "done", "skipped", "failed"


@dataclass(frozen=True)
class Errand:
    """What is to be done with every video.

    out       the folder of folders
    run       tells this call's unfinished folders from those of others
    settings  keyword arguments of `track_to_folder`
    threads   of the CPU for each worker; None: as many as there are
    """

    out: Path
    weights: str
    device: str
    run: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    threads: int | None = None


Row = dict[str, Any]
"""What became of a video: video, folder, state, frames, tracks, seconds on the clock and of the processor ("" where it
was done before), why it was tracked again, error."""


class Worker:
    """Raises UserError where the weights cannot be read; what is wrong with a video only costs that video."""

    def __init__(self, errand: Errand) -> None:
        if errand.threads is not None:
            torch.set_num_threads(errand.threads)
        self.errand = errand
        self.loaded = load(errand.weights, device=errand.device)

    def __call__(self, job: Job) -> Row:
        """Track a video, unless it was done before by this version with the same weights and settings."""
        start, worked = time.monotonic(), time.process_time()
        job = self._settled(job)
        again = self._stale(job)
        row = {"video": job.video, "folder": job.name, "state": FAILED, "frames": 0, "tracks": 0, "error": ""}
        row["again"] = again or ""
        try:
            if again == "":
                return row | self._before(job) | {"state": SKIPPED, "seconds": "", "cpu_seconds": ""}
            summary = self._track(job)
            row |= {"state": DONE, "frames": summary["frames"], "tracks": summary["tracks"]}
        except UserError as error:
            row["error"] = str(error)
        except Exception as error:  # one video must not cost the others
            row["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        seconds, worked = time.monotonic() - start, time.process_time() - worked
        return row | {"seconds": round(seconds, 2), "cpu_seconds": round(worked, 2)}

    def _settled(self, job: Job) -> Job:
        """With another name where the folder is another video's, of an earlier list."""
        there = self.errand.out / job.name
        if not there.exists():
            return job
        record = _record_of(there)
        mine = record.get("video") == job.video or record.get("fingerprint") in fingerprints(Path(job.video))
        return job if mine else Job(job.video, marked(job.video))

    def _wanted(self, job: Job) -> dict[str, Any]:
        return {
            "made_by": f"scalor fleet {scalor.__version__}",
            "video": job.video,
            "fingerprint": fingerprint(Path(job.video)),
            "weights_sha256": self.loaded.card.get("sha256"),
            "settings": dict(self.errand.settings),
        }

    def _stale(self, job: Job) -> str | None:
        """What was different when this video was tracked, "" where nothing was, None where it was not tracked yet. That
        it has moved since is no difference."""
        record, wanted = _record_of(self.errand.out / job.name), self._wanted(job)
        if not record:
            return None
        present = wanted["fingerprint"]
        if record.get("fingerprint") != present and record.get("fingerprint") == former_fingerprint(Path(job.video)):
            record = {**record, "fingerprint": present}
            with suppress(OSError):
                put_text(self.errand.out / job.name / RECORD, json.dumps(record, indent=2) + "\n")
        differs = (
            name for key, name in COMPARED.items() if wanted[key] in (None, "") or record.get(key) != wanted[key]
        )
        return ", ".join(f"{name} ({record.get('made_by')})" if name == VERSION else name for name in differs)

    def _before(self, job: Job) -> dict[str, Any]:
        """What an earlier run found."""
        summary = _json_of(self.errand.out / job.name / SUMMARY)
        return {name: summary.get(name, "") for name in ("frames", "tracks")}

    def _track(self, job: Job) -> dict[str, Any]:
        """Into a hidden folder first; nobody ever sees half of it."""
        out, mark = self.errand.out, f".{job.name}.{self.errand.run}."
        tries = [path for path in out.iterdir() if path.name.startswith(mark)]
        if len(tries) >= TRIES:
            _clear(out, job.name)
            raise UserError(
                f"the process was ended {len(tries)} times while it tracked {job.video}, perhaps for lack of memory; "
                "more memory or a smaller video is wanted; track it alone"
            )
        staging = out / f"{mark}{len(tries)}-{os.getpid()}.partial"
        staging.mkdir()
        made = staging / job.name
        try:
            with _held(staging):
                summary = track_to_folder(
                    job.video, self.loaded, made, device=self.errand.device, **self.errand.settings
                )
                write_report(made, video=job.video)
                put_text(made / RECORD, json.dumps(self._wanted(job), indent=2) + "\n")
                if (out / job.name).exists():
                    os.replace(out / job.name, staging / "before")
                os.replace(made, out / job.name)
        finally:
            _clear(out, job.name)
        return summary


def _record_of(folder: Path) -> dict[str, Any]:
    return _json_of(folder / RECORD)


def _json_of(file: Path) -> dict[str, Any]:
    """The object in a file, an empty one where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Until the block ends, or the process however it does, others see that a folder is being filled."""
    with (folder / LOCK).open("w") as lock:
        with suppress(ImportError, OSError):  # Windows, and file systems without locks
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_held(folder: Path) -> bool:
    try:
        import fcntl

        with (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        return False
    return False


def _clear(out: Path, name: str) -> None:
    """Remove what was begun of a video, also by runs that were killed; not what another run is still about."""
    for path in _begun(out):
        if path.name.rsplit(".", 3)[0] == f".{name}" and not _is_held(path):
            shutil.rmtree(path, ignore_errors=True)


def sweep(out: Path, run: str) -> None:
    """Remove what a run began and did not finish."""
    for path in _begun(out):
        if path.name.rsplit(".", 3)[1] == run:
            shutil.rmtree(path, ignore_errors=True)


def _begun(out: Path) -> list[Path]:
    """The folders ``.NAME.RUN.TRY-PID.partial``."""
    return [path for path in out.iterdir() if path.name.endswith(".partial") and path.name.count(".") >= 4]
