"""`Room`: what one visitor has, in a temporary folder of their own, and the commands that run in it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scalor.errors import UserError

TAIL = 12
"""Lines of a command's output that are shown."""
POLL = 0.5


class Room:
    """A folder with ``video``, ``run``, ``tracks`` and what is made of them; `close` removes it and stops what runs."""

    def __init__(self, house: Path) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="room-", dir=house))
        self.video: Path | None = None
        self.tracks: Path | None = None
        self._made = 0
        self._running: subprocess.Popen[bytes] | None = None

    def __deepcopy__(self, memory: object) -> "Room":
        return self  # one visitor, one room, however often the page hands it round

    @property
    def run(self) -> Path:
        """The folder of the training."""
        return self.path / "run"

    def take(self, upload: str | os.PathLike[str]) -> Path:
        """Copy a video in; what was made of an earlier one goes. Raises UserError where it is none."""
        from scalor.data.video import open_video

        source = Path(upload)
        open_video(source)
        self.stop()
        for item in self.path.iterdir():
            shutil.rmtree(item) if item.is_dir() else item.unlink()
        self.video = self.path / f"video{source.suffix}"
        self.tracks = None
        shutil.copyfile(source, self.video)
        return self.video

    def fresh(self, name: str) -> Path:
        """A path in the room that nothing has yet."""
        self._made += 1
        return self.path / f"{self._made:03d}-{name}"

    def command(self, words: Sequence[str | Path], *, limit: float) -> Iterator[str]:
        """Run ``scalor words``; yields the end of what it said, twice a second, until it is done.

        It is stopped after ``limit`` seconds, or when nobody listens any more.

        Raises:
            UserError: the command ended with a mistake, which is told, or was stopped at the limit.
        """
        self.stop()
        log = self.fresh("log.txt")
        end = time.monotonic() + limit
        with log.open("wb") as said:
            call = [sys.executable, "-m", "scalor.cli.main", *map(str, words)]
            running = subprocess.Popen(call, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._running = running
        try:
            while running.poll() is None:
                yield tail(log)
                if time.monotonic() > end:
                    raise UserError(f"scalor {words[0]} was stopped after {limit:.0f} seconds, the limit of this app")
                time.sleep(POLL)
        finally:
            self._end(running)
        if running.returncode:
            raise UserError(tail(log).splitlines()[-1] if tail(log) else f"scalor {words[0]} failed")
        yield tail(log)

    def stop(self) -> None:
        """End the command that runs, if one does."""
        if self._running is not None:
            self._end(self._running)

    def close(self) -> None:
        """Leave nothing behind."""
        self.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def _end(self, running: subprocess.Popen[bytes]) -> None:
        if running.poll() is None:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])
