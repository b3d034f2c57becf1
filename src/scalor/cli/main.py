"""The door of the command line: choose a command, and turn every mistake into one sentence and an exit code.

Nothing here, nor in the command modules' heads, imports torch: ``scalor --help`` must answer at once.
"""

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

import scalor
from scalor.cli import (
    app,
    bench,
    correct,
    data,
    demo,
    evaluate,
    export,
    export_model,
    fit,
    fleet,
    imagine,
    measure,
    reproduce,
    track,
    train,
    weights,
)
from scalor.cli.machine import keep_memory
from scalor.cli.parser import Parser, at_home, one_by_one
from scalor.errors import UserError

COMMANDS: dict[str, ModuleType] = {
    "fit": fit,
    "train": train,
    "track": track,
    "fleet": fleet,
    "imagine": imagine,
    "evaluate": evaluate,
    "export": export,
    "export-model": export_model,
    "correct": correct,
    "measure": measure,
    "app": app,
    "data": data,
    "demo": demo,
    "bench": bench,
    "reproduce": reproduce,
    "weights": weights,
}
"""Each has ``HELP``, ``parser()`` and ``run(args)``, which may return an exit code."""

WRONG_USE = 2
INTERRUPTED = 130
OUTPUT_CLOSED = 141
TERMINATED = 143
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Terminated(BaseException):
    """SIGTERM or SIGHUP came: everything half-written is put away on the way out, as after Ctrl-C."""


def build() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="scalor", description=scalor.__doc__, version=scalor.__version__)
    subcommands = parser.add_subcommands(required=True, dest="command", title="commands", metavar="COMMAND")
    for name, module in COMMANDS.items():
        subcommands.add_subcommand(name, module.parser(), help=module.HELP)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 partly, 2 wrong use, 130 interrupted, 143 terminated)."""
    try:
        _speak()
        _listen()
        keep_memory()
        config = build().parse_args(one_by_one(at_home(sys.argv[1:] if argv is None else argv)))
        code: int | None = COMMANDS[config.command].run(config[config.command])
        if sys.stdout is not None:
            sys.stdout.flush()
    except UserError as error:
        return _say(str(error), WRONG_USE)
    except KeyboardInterrupt as error:
        if getattr(error, "signal", None) == signal.SIGTERM:  # a training saved itself first
            return _say("terminated", TERMINATED)
        return _say("interrupted", INTERRUPTED)
    except Terminated:
        return _say("terminated", TERMINATED)
    except BrokenPipeError:  # `scalor ... | head`: the reader left, which is no mistake to report
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except OSError as error:
        if error.errno in NO_ROOM:
            return _say(f"the disk is full ({error.strerror}); make room, or choose another place with -o", WRONG_USE)
        if error.filename is None:
            raise
        return _say(f"{error.filename}: {error.strerror}; check the path, its permissions and the disk", WRONG_USE)
    return code or 0


def _speak() -> None:
    """Names of files that the terminal has no letters for are printed as escapes, as Python does where it complains."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # it is None where a program was started without one
        sys.stdout.reconfigure(errors="backslashreplace")


def _listen() -> None:
    """Let the signals that end a process raise `Terminated`, once; a training hears them itself."""

    def end(number: int, frame: object) -> None:
        for each in heard:
            signal.signal(each, signal.SIG_IGN)
        raise Terminated

    heard = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is threading.main_thread():
        for each in heard:
            if signal.getsignal(each) == signal.SIG_DFL:  # nohup has SIGHUP ignored, and that stays
                signal.signal(each, end)


def _say(sentence: str, code: int) -> int:
    print(f"scalor: {' '.join(sentence.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
