"""Truths of other benchmarks that look like MOTChallenge's and mean something else by their last columns.

VisDrone  ten columns: ... flag, category, truncation (0, 1), occlusion (0, 1, 2)
UAVDT     nine columns: ... out of view (1, 2, 3), occlusion (1 to 4), category (1, 2, 3)
"""

from collections.abc import Sequence
from dataclasses import dataclass

FLAG, KIND = 6, 7
"""Places of MOTChallenge's flag and class."""


@dataclass(frozen=True)
class Dialect:
    """How a benchmark fills its columns.

    values   for every column behind the box, what may stand there
    kind     the column with the class
    flagged  the flag is MOTChallenge's; a row with flag 0 is not to be found, and a report on it is no error
    classes  what is to be found if nothing else is said
    regions  the class of areas inside which reports are no errors
    aside    the class of things on which reports are no errors
    """

    name: str
    values: Sequence[range]
    kind: int
    flagged: bool
    classes: range
    regions: int | None = None
    aside: int | None = None

    def fits(self, rows: Sequence[Sequence[float]]) -> bool:
        """Whether rows hold nothing else than this dialect has."""
        length = FLAG + len(self.values)
        return bool(rows) and all(
            len(row) == length and all(value in allowed for value, allowed in zip(row[FLAG:], self.values, strict=True))
            for row in rows
        )

    def challenge(self, row: Sequence[float]) -> list[float]:
        """A row with MOTChallenge's flag and class behind the box."""
        return [*row[:FLAG], row[FLAG] if self.flagged else 1.0, row[self.kind]]

    def words(self) -> str:
        """What is made of it where the user names no classes."""
        more = f", reports in areas of class {self.regions} and on class {self.aside} are no errors"
        return (
            f"has the columns of {self.name}: its classes {self.classes[0]} to {self.classes[-1]} are to be found"
            f"{more if self.regions is not None else ''} (--classes chooses)"
        )


VISDRONE = Dialect(
    "VisDrone",
    values=(range(2), range(12), range(2), range(3)),
    kind=7,
    flagged=True,
    classes=range(1, 11),
    regions=0,
    aside=11,
)
UAVDT = Dialect("UAVDT", values=(range(1, 4), range(1, 5), range(1, 4)), kind=8, flagged=False, classes=range(1, 4))


def dialect_of(rows: Sequence[Sequence[float]]) -> Dialect | None:
    """The dialect of a file's rows; None where they may be MOTChallenge's own."""
    if VISDRONE.fits(rows):
        # Three places of 0 are no places, and a truth of which most is hidden is none.
        truncated, occlusions = sum(row[KIND + 1] for row in rows), {row[KIND + 2] for row in rows}
        sure = truncated < len(rows) / 2 or max(occlusions) > 1
        return VISDRONE if sure and any(row[KIND] > 0 for row in rows) else None
    if not UAVDT.fits(rows):
        return None
    # A flag is at most 1, and so is a visibility.
    beyond = any(max(row[FLAG], row[-1]) > 1 for row in rows if len(row) > KIND)
    return UAVDT if beyond and UAVDT.fits(rows) else None
