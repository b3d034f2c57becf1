"""`run_in_processes`: the same work in several processes that can neither outlive each other nor hang.

The calling process does none of the work. It hands on the signals that end a run, and when one process ends badly it
ends the others, whatever they are waiting for.
"""

import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from scalor.errors import UserError
from scalor.training.process_group import DistributedGroup, ProcessGroup

GRACE_SECONDS = 5.0
"""How long the others have to end by themselves when one has ended badly."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
LONGEST = 8000
"""Characters of a traceback that surely fit into a pipe that nobody is reading yet."""
MISTAKE, STOPPED, BROKEN = "mistake", "stopped", "broken"
"""How a process may end before its work is done."""


@dataclass
class _Outcome:
    """What became of the processes: their reports (when, rank, kind, what), and who ended without a word."""

    reports: list[tuple[float, int, str, Any]] = field(default_factory=list)
    lost: list[tuple[int, int | None]] = field(default_factory=list)

    def told(self, kind: str) -> list[tuple[int, Any]]:
        """Ranks and reports of those who ended like this, the first one first."""
        return [(rank, what) for _, rank, each, what in sorted(self.reports, key=itemgetter(0)) if each == kind]

    @property
    def bad(self) -> bool:
        return bool(self.lost or self.told(MISTAKE) or self.told(BROKEN))


def run_in_processes(work: Callable[[ProcessGroup], object], devices: Sequence[str]) -> int:
    """Do ``work`` in one process per device; returns the signal that ended it early, 0 where none did.

    ``work`` is pickled. The cores are shared out evenly.

    Raises:
        UserError: one of the processes raised it, or was ended from outside.
        OSError: one of the processes raised it.
        RuntimeError: one of them broke; carries its traceback.
    """
    if sys.platform == "win32":
        raise UserError("several devices came and this is Windows; Linux or macOS is wanted for them; leave them out")
    threads = max(1, torch.get_num_threads() // len(devices))
    resource_tracker.ensure_running()  # it would let signals through again if it were started later
    context = get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="scalor-processes-") as place:
        pipes, workers = [], []
        for rank in range(len(devices)):
            hear, tell = context.Pipe(duplex=False)
            args = (work, rank, tuple(devices), Path(place) / "rendezvous", threads, tell)
            workers.append(context.Process(target=_worker, args=args, name=f"scalor-{rank}", daemon=True))
            pipes.append((hear, tell))
        try:
            with _forwarding_signals(workers) as caught:
                for worker, (_, tell) in zip(workers, pipes, strict=True):
                    with _signals_blocked():
                        worker.start()
                    tell.close()
                for number in caught[:1]:
                    _forward(workers[0], number)  # it came before there was anybody to hand it to
                outcome = _watched(workers, [hear for hear, _ in pipes])
        finally:
            for worker in workers:
                if worker.pid is not None and worker.is_alive():
                    worker.kill()
                    worker.join()
    return [*caught, signal.SIGINT][0] if _judged(outcome, stopped=bool(caught)) else 0


def _worker(
    work: Callable[[ProcessGroup], object], rank: int, devices: Sequence[str], rendezvous: Path, threads: int, tell: Any
) -> None:
    """What a process does."""
    try:
        os.setsid()  # Ctrl-C comes through the process that watches, and only once
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        threading.Thread(target=_end_with_parent, daemon=True).start()
        torch.set_num_threads(threads)
        _use_loopback()
        work(DistributedGroup(rank, devices, rendezvous))
    except (UserError, OSError) as error:
        tell.send((time.monotonic(), MISTAKE, error))
    except KeyboardInterrupt:
        tell.send((time.monotonic(), STOPPED, ""))
    except BaseException:
        tell.send((time.monotonic(), BROKEN, traceback.format_exc()[-LONGEST:]))
    tell.close()
    # Not by way of the interpreter's clearing up, which would wait for those who are gone.
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(0)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _use_loopback() -> None:
    """Talk over the loopback interface: all processes are on this machine, and nobody else has to listen."""
    import socket

    names = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    if names:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", names[0])


def _watched(workers: Sequence[BaseProcess], pipes: Sequence[Any]) -> _Outcome:
    """Wait until all have ended; when one has ended badly, or the leader at all, the others have GRACE_SECONDS."""
    outcome, running, until = _Outcome(), set(range(len(workers))), float("inf")
    while running:
        left = None if until == float("inf") else max(0.0, until - time.monotonic())
        connection.wait([workers[rank].sentinel for rank in running], timeout=left)
        for rank in [rank for rank in running if not workers[rank].is_alive()]:
            running.discard(rank)
            if pipes[rank].poll() and (report := _received(pipes[rank])) is not None:
                when, kind, what = report
                outcome.reports.append((when, rank, kind, what))
            elif workers[rank].exitcode != 0:
                outcome.lost.append((rank, workers[rank].exitcode))
        if outcome.bad or 0 not in running:
            until = min(until, time.monotonic() + GRACE_SECONDS)
        if time.monotonic() >= until:
            break
    return outcome


def _received(pipe: Any) -> tuple[float, str, Any] | None:
    try:
        when, kind, what = pipe.recv()
    except EOFError:  # closed without a word
        return None
    return when, kind, what


def _judged(outcome: _Outcome, *, stopped: bool) -> bool:
    """Whether the work was stopped by a signal; raises what else went wrong, the cause before what follows from it."""
    for _, error in outcome.told(MISTAKE):
        raise error
    if stopped and (outcome.reports or outcome.lost):
        return True
    for rank, code in outcome.lost:
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        raise UserError(
            f"process {rank} of the training was ended from outside ({how}), perhaps for lack of memory; all of them "
            "are needed; make room or take fewer devices, and go on from the last save with --resume"
        )
    for rank, words in outcome.told(BROKEN):
        raise RuntimeError(f"process {rank} of the training broke:\n{words}")
    return bool(outcome.told(STOPPED))


def _forward(leader: BaseProcess, number: int) -> None:
    if leader.pid is not None and leader.is_alive():
        os.kill(leader.pid, number)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Signals wait while a process is started: it is born with them blocked and takes them when it is ready."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _forwarding_signals(workers: Sequence[BaseProcess]) -> Iterator[list[int]]:
    """The signals that came, each handed on to the first process, which tells the others after their step."""
    caught: list[int] = []

    def forward(number: int, frame: object) -> None:
        caught.append(number)
        _forward(workers[0], number)

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
