"""Names in figures as they are: with dollars, and in any script that an installed font has letters of."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

PLACEHOLDERS = "Last Resort"
"""Fonts that have a box for every letter."""


@contextmanager
def lettering(*names: str) -> Iterator[None]:
    """Figures that are made and saved in the block show ``names`` as they came; letters of no font are boxes."""
    import matplotlib

    families = [*matplotlib.rcParams["font.family"], *_fonts_for("".join(names))]
    with matplotlib.rc_context({"text.parse_math": False, "font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _fonts_for(text: str) -> list[str]:
    """Families, besides the usual one, that have its letters, as far as fonts are installed."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    missing = {ord(letter) for letter in text if letter.isprintable()}
    missing -= get_font(findfont(FontProperties())).get_charmap().keys()
    families = []
    for entry in fontManager.ttflist:
        if not missing:
            break
        if entry.name.startswith(PLACEHOLDERS):
            continue
        try:
            found = missing & get_font(entry.fname).get_charmap().keys()
        except (OSError, RuntimeError):  # removed since matplotlib looked, or broken
            continue
        if found:
            families.append(entry.name)
            missing -= found
    return families
