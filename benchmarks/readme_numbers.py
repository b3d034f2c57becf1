"""Put the numbers that the README shows in line with docs/reproduced and docs/results.md, or say that they are not.

python benchmarks/readme_numbers.py [--write]

Exit code 1 where something differs and --write was not given.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SENTENCE = re.compile(
    r"packaged weights,(\s+)\d+ minutes on one core,(\s+)have(\s+)[\d.]+ % MOTA(\s+)\(paper:(\s+)([\d.]+) %\)"
)
"""What the README says of sprites-md; spaces and the paper's number stay as they are."""
CLIP = re.compile(r"^(\| [^|]*\(`(\w+)`\) \|)[^|]*\|[^|]*\|$", re.MULTILINE)
"""A row of the README's table: a clip's name, our numbers, the competitor's."""


def updated(readme: str, table: dict) -> str:
    """The README's text with the numbers of table 1."""
    ours = table["rows"]["sprites-md"]["ours"]
    packaged = next(run for run in ours if run["weights"] == "sprites-md")
    if not SENTENCE.search(readme):
        raise SystemExit("README.md has no such sentence any more; correct SENTENCE in benchmarks/readme_numbers.py")
    minutes, mota = f"{packaged['minutes']:.0f}", f"{100 * packaged['mota']:.1f}"
    words = rf"packaged weights,\g<1>{minutes} minutes on one core,\g<2>have\g<3>{mota} % MOTA\g<4>(paper:\g<5>\g<6> %)"
    return SENTENCE.sub(words, readme)


def with_clips(readme: str, results: str) -> str:
    """The README's text with the numbers that the results have of its clips, MOTA and IDF1 of either method."""

    def row(match: re.Match[str]) -> str:
        name = re.escape(match[2])
        found = re.search(rf"^\| `{name}`:[^|]*\|([^|]*)\|[^|]*\|([^|]*)\|[^|]*\|$", results, re.MULTILINE)
        if found is None:
            raise SystemExit(f"docs/results.md has no row of the clip {match[2]}; correct one of the two tables")
        ours, theirs = (", ".join(cell.split(",")[:2]).replace("  ", " ").strip() for cell in found.groups())
        return f"{match[1]} {ours} | {theirs} |"

    if len(CLIP.findall(readme)) < 2:
        raise SystemExit("README.md has no table of clips any more; correct CLIP in benchmarks/readme_numbers.py")
    return CLIP.sub(row, readme)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    table = json.loads((ROOT / "docs" / "reproduced" / "table1.json").read_text(encoding="utf-8"))
    before = (ROOT / "README.md").read_text(encoding="utf-8")
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    after = with_clips(updated(before, table), results)
    if before == after:
        print("README.md says what the results say")
        return 0
    if args.write:
        (ROOT / "README.md").write_text(after, encoding="utf-8", newline="\n")
        print("README.md is corrected")
        return 0
    print("README.md says something else than the results; go on with --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
