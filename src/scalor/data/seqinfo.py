"""``seqinfo.ini``, what a MOTChallenge sequence says about itself; people write it by hand and in other dialects."""

import re
from fractions import Fraction
from pathlib import Path

from scalor.core.texts import read_text
from scalor.errors import UserError

NAME = "seqinfo.ini"
SECTION = "sequence"
KEYS = frozenset({"name", "imdir", "framerate", "seqlength", "imwidth", "imheight", "imext"})
LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z _-]*?)\s*(?:[=:＝：]>?|[;,\t]|\s)\s*(?P<value>.*)")
"""A key and its value, whatever stands between."""
REMARK = re.compile(r"(^|\s)[;#].*")


def sequence_info(folder: Path) -> dict[str, str]:
    """The entries of [Sequence], keys in small letters; {} where there is no such file. Raises UserError."""
    file = folder / NAME
    if not file.is_file():
        return {}
    try:
        text = read_text(file)
    except (OSError, UnicodeError):
        text = NAME
    found, section = dict[str, str](), SECTION
    for line in text.splitlines():
        line = REMARK.sub("", line).strip()
        head = re.fullmatch(r"\[(.*)\]", line)
        section = head[1].strip().casefold() if head else section
        entry = None if head or section != SECTION else LINE.fullmatch(line)
        if entry is not None:
            key = re.sub("[ _-]", "", entry["key"]).lower()
            found.setdefault(key, entry["value"].strip().rstrip(";,").strip("\"' \t"))
    if text.strip() and KEYS.isdisjoint(found):
        raise UserError(f"{file} cannot be read; an ini file with a [Sequence] section is wanted; repair it")
    return found


def sequence_length(folder: Path) -> int | None:
    """``seqLength``, None where nothing is said. Raises UserError where it is no whole number from 0."""
    text = sequence_info(folder).get("seqlength", "")
    value = _number(text) if text else Fraction(0)
    if value is None or value < 0 or value.denominator != 1:
        raise UserError(f"{folder / NAME} says seqLength={text[:40]}; a whole number is wanted; correct it")
    return int(value) or None


def sequence_rate(folder: Path) -> float | None:
    """``frameRate``, None where nothing is said. Raises UserError where it is no number above 0."""
    text = sequence_info(folder).get("framerate", "")
    if not text:
        return None
    value = _number(text)
    if value is None or not 0 < value < 10**6:
        raise UserError(f"{folder / NAME} says frameRate={text[:40]}; a number above 0 is wanted; correct it")
    return float(value)


def _number(text: str) -> Fraction | None:
    """25, 25.0, 25,0 or 30000/1001; None where it is none of them."""
    if re.fullmatch(r"[+-]?\d{1,18}([.,]\d{0,18}|/\d{1,18})?", text, re.ASCII) is None:
        return None
    try:
        return Fraction(text.replace(",", ".").rstrip("."))
    except ZeroDivisionError:
        return None
