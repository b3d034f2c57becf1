"""Small texts that other programs wrote, in whatever encoding: tables, settings."""

import codecs
from pathlib import Path

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
"""Marks at the start of a text, the longer ones first; the encodings named take the mark away."""
WIDE = (("utf-32-le", 4, 0), ("utf-32-be", 4, 3), ("utf-16-le", 2, 0), ("utf-16-be", 2, 1))
"""Encodings that are also written without a mark: bytes per letter, and which of them is not 0 in Latin letters."""
LATIN, PADDING = 0.9, 0.3
"""Share of letters that must be Latin for an encoding without a mark to be told by its zeros, and of those that may be
nothing but zeros."""


def read_text(path: Path) -> str:
    """The text of a file. Raises OSError, or UnicodeError for what is no text."""
    return decoded(path.read_bytes())


def decoded(raw: bytes) -> str:
    """A text in UTF-8, 16 or 32, marked or not; letters of other encodings are replaced, padding is left out.

    Raises UnicodeError for what is no text.
    """
    if raw and not raw.strip(b"\0"):  # as a disk leaves a file that it could not write
        raise UnicodeError("it holds zeros only")
    encoding = next((name for mark, name in MARKS if raw.startswith(mark)), None)
    if encoding is None:
        raw = raw if _unmarked(raw) else raw.rstrip(b"\0")
        encoding = _unmarked(raw)
    if encoding is not None:
        text = raw.decode(encoding)
    else:
        # Numbers are the same in all encodings of bytes; only a NUL shows that these are no letters.
        text = raw.decode("utf-8", "strict" if b"\0" in raw else "replace")
    return text.rstrip("\0\x1a").lstrip("\ufeff")


def _unmarked(raw: bytes) -> str | None:
    """The encoding of more than one byte per letter that the places of zeros show."""
    for name, width, filled in WIDE:
        letters = len(raw) // width
        if letters and len(raw) % width == 0:
            zeros = [raw[place::width].count(0) for place in range(width)]
            empty = min(zeros[:filled] + zeros[filled + 1 :])
            if empty >= LATIN * letters and zeros[filled] <= PADDING * letters:
                return name
    return None
