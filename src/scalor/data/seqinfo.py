"""``seqinfo.ini``, what a MOTChallenge sequence says about itself."""

import configparser
from pathlib import Path

from scalor.errors import UserError

NAME = "seqinfo.ini"


def sequence_info(folder: Path) -> dict[str, str]:
    """The entries under [Sequence], keys in small letters; {} where there is no such file. Raises UserError."""
    file = folder / NAME
    if not file.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        raw = file.read_bytes()
        marked = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        parser.read_string(raw.decode("utf-16" if marked else "utf-8-sig"))
    except (configparser.Error, UnicodeError):
        raise UserError(f"{file} cannot be read; an ini file with a [Sequence] section is wanted; repair it") from None
    return dict(parser["Sequence"]) if parser.has_section("Sequence") else {}


def sequence_length(folder: Path) -> int | None:
    """``seqLength``, None where nothing is said. Raises UserError where it is no whole number from 0."""
    text = sequence_info(folder).get("seqlength", "").strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise UserError(f"{folder / NAME} says seqLength={text[:40]}; a whole number is wanted; correct it")
    return int(text) or None if text else None


def sequence_rate(folder: Path) -> float | None:
    """``frameRate``, None where nothing is said. Raises UserError where it is no number above 0."""
    text = sequence_info(folder).get("framerate", "").strip()
    if not text:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e6:
        raise UserError(f"{folder / NAME} says frameRate={text[:40]}; a number above 0 is wanted; correct it")
    return rate
