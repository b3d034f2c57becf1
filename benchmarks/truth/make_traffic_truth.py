"""Truth for frames 90 .. 150 of the shipped clip `traffic.mp4`, from boxes read off enlarged frames by eye.

`python make_traffic_truth.py` writes `traffic_truth.txt` beside the clip in MOTChallenge format: frame (1-based), id,
left, top, width, height, 1, 1, visibility. `KEYFRAMES` holds what was seen; between two keyframes every edge and the
visibility are interpolated linearly.
"""

import os
from collections.abc import Iterator
from pathlib import Path

WIDTH, HEIGHT = 640, 360
TARGET = Path(__file__).parents[2] / "src/scalor/data/assets/traffic_truth.txt"

Box = tuple[float, float, float, float, float]
"""Left, top, right, bottom in pixels (left edge of pixel 0 is 0.0), and the share of the car that can be seen."""

# Frames are 0-based. Boxes hold the car with its wheels and without its shadow, cut at the view.
# fmt: off
KEYFRAMES: dict[int, dict[int, Box]] = {
    # dark sedan in the top lane, leftwards, cut at the top, leaves at the left edge
    1: {
        90: (75.5, 0, 192, 28.5, 0.6), 92: (41.5, 0, 157.5, 28.5, 0.6), 94: (7, 0, 123, 28.5, 0.6),
        95: (0, 0, 106, 28.5, 0.55), 96: (0, 0, 89, 28.5, 0.45), 97: (0, 0, 72, 28.5, 0.37),
        98: (0, 0, 55, 28.5, 0.28), 99: (0, 0, 38, 28.5, 0.19), 100: (0, 0, 22, 27.5, 0.11), 101: (0, 0, 6, 27, 0.03),
    },
    # blue sedan, rightwards, enters at the left edge
    2: {
        90: (0, 150, 112.5, 206.5, 0.8), 93: (0, 150, 141.5, 206.5, 0.99), 94: (8, 150, 151.5, 206.5, 1),
        98: (47, 150, 190, 206.5, 1), 106: (120, 150, 264, 206.5, 1), 114: (192, 150, 336, 206.5, 1),
        120: (245.5, 150, 389, 206.5, 1), 128: (315, 149.5, 458.5, 206.5, 1), 136: (384, 149.5, 525.7, 206, 1),
        144: (453, 149, 591, 206, 1), 149: (493.5, 149, 633, 205.5, 1), 150: (502, 149, 640, 205.5, 0.99),
    },
    # black off-road car, rightwards
    3: {
        90: (201.5, 215.5, 341.5, 279.5, 1), 98: (257, 216, 396, 280, 1), 106: (304, 217, 443, 281, 1),
        114: (348.5, 217, 487, 282, 1), 120: (379, 217.5, 516.5, 282.5, 1), 128: (412, 218.5, 552, 282.5, 1),
        136: (446.5, 218.5, 586, 282.5, 1), 144: (478, 218, 619, 283, 1), 148: (494, 218, 635.5, 283, 1),
        149: (498, 218, 639.5, 283, 1), 150: (502, 218, 640, 282.5, 0.98),
    },
    # grey sedan, rightwards, leaves at the right edge
    4: {
        90: (405, 148, 547, 205, 1), 98: (473, 148, 614, 205, 1), 101: (498, 148, 638, 205, 1),
        102: (506, 148, 640, 205, 0.95), 106: (539, 148.5, 640, 205, 0.71), 108: (555, 148.5, 640, 205, 0.6),
        110: (570.5, 149, 640, 205, 0.48), 112: (587, 150, 640, 205, 0.37), 114: (602.5, 153, 640, 205, 0.27),
        116: (618.5, 153.5, 640, 201, 0.14), 118: (634.5, 153.5, 640, 198, 0.03),
    },
    # black sedan in the bottom lane, rightwards, leaves at the right edge
    5: {
        90: (550, 222.5, 640, 278.5, 0.6), 98: (584.5, 224, 640, 278, 0.37), 100: (592.5, 224.5, 640, 276, 0.31),
        104: (608, 225.5, 640, 273, 0.21), 106: (615, 225.5, 640, 272, 0.16), 108: (621.5, 226, 640, 271, 0.12),
        110: (629, 227, 640, 270, 0.06), 112: (636, 230, 640, 266, 0.02), 113: (638.5, 235, 640, 262, 0.01),
    },
    # white police car, rightwards, enters at the left edge
    6: {
        110: (0, 156, 9, 195, 0.05), 111: (0, 154, 17.5, 198, 0.1), 112: (0, 153, 26.5, 200, 0.16),
        114: (0, 151.5, 43, 200.5, 0.27), 115: (0, 151.5, 51.5, 200.5, 0.33), 116: (0, 147, 60, 201, 0.38),
        118: (0, 145.5, 77.5, 201.5, 0.49), 120: (0, 145, 94.5, 201.5, 0.6), 127: (0, 145, 152.7, 202, 0.97),
        128: (3.5, 145, 161, 202, 1), 136: (69.5, 144.5, 226.5, 202.5, 1), 144: (133.5, 145, 290, 202, 1),
        150: (182, 145, 338, 202, 1),
    },
    # grey car in the second lane from the top, leftwards, enters right, leaves left
    7: {
        103: (631, 42, 640, 66, 0.04), 104: (616, 38, 640, 70, 0.17), 105: (601.5, 37, 640, 78.5, 0.3),
        106: (587, 35, 640, 78.5, 0.45), 107: (572, 31, 640, 78.5, 0.57), 108: (556, 30, 640, 78.5, 0.7),
        109: (541, 30, 640, 78.5, 0.84), 110: (525.5, 29.5, 640, 78.5, 0.97), 111: (510, 29.5, 627, 78.5, 1),
        114: (463, 29.5, 580, 78.5, 1), 120: (368, 29.5, 485, 78.5, 1), 128: (239, 29, 356, 78, 1),
        136: (110.5, 29, 228, 77.5, 1), 142: (14, 28.5, 131.5, 77, 1), 143: (0, 28.5, 116.5, 77, 0.99),
        144: (0, 28.5, 101.5, 77, 0.86), 145: (0, 28.5, 87, 77, 0.74), 147: (0, 29.5, 55.5, 77, 0.45),
        148: (0, 31, 40, 77, 0.31), 149: (0, 33, 25, 73, 0.18), 150: (0, 36, 10, 70, 0.06),
    },
    # beige sedan in the top lane, leftwards, cut at the top, enters at the right edge
    8: {
        123: (635, 0, 640, 20, 0.02), 124: (621, 0, 640, 24, 0.08), 125: (606.5, 0, 640, 31, 0.17),
        126: (592, 0, 640, 31, 0.26), 128: (563.5, 0, 640, 31, 0.42), 130: (534.5, 0, 640, 31, 0.58),
        131: (520, 0, 638.5, 31, 0.65), 136: (448, 0, 567, 31, 0.62), 144: (329, 0, 447.5, 31, 0.6),
        150: (239, 0, 357.5, 31, 0.58),
    },
    # silver minivan in the second lane from the top, leftwards, enters at the right edge
    9: {
        126: (635.5, 43, 640, 68, 0.02), 127: (621.5, 37, 640, 73, 0.1), 128: (606.5, 34, 640, 79, 0.22),
        129: (592, 30, 640, 79.5, 0.33), 130: (577.5, 27, 640, 80, 0.44), 131: (563, 25, 640, 80, 0.55),
        135: (504.5, 24.5, 640, 80, 0.98), 136: (490, 24.5, 629, 80, 1), 144: (370.5, 24.5, 508.5, 80, 1),
        150: (278, 24.5, 415.5, 80, 1),
    },
    # black sedan in the bottom lane, rightwards, enters at the left edge
    10: {
        123: (0, 232, 6, 258, 0.02), 124: (0, 226, 14.5, 267, 0.07), 125: (0, 225.5, 24, 273, 0.13),
        126: (0, 225, 33, 278, 0.2), 128: (0, 222.5, 51.5, 280, 0.33), 136: (0, 220, 119, 280.5, 0.76),
        140: (0, 220, 150, 281, 0.96), 141: (1, 220, 158, 281, 1), 144: (24, 220, 181, 281.5, 1),
        150: (65.5, 220, 223, 281.5, 1),
    },
}
# fmt: on


def box_at(keys: dict[int, Box], frame: int) -> Box:
    """The box of one car at a frame between the first and the last keyframe."""
    before = max(key for key in keys if key <= frame)
    after = min(key for key in keys if key >= frame)
    share = 0.0 if after == before else (frame - before) / (after - before)
    left, top, right, bottom, seen = (a + share * (b - a) for a, b in zip(keys[before], keys[after], strict=True))
    return left, top, right, bottom, seen


def rows() -> Iterator[str]:
    """The lines of the file, sorted by frame and id."""
    seen_at = [(frame, name) for name, keys in KEYFRAMES.items() for frame in range(min(keys), max(keys) + 1)]
    for frame, name in sorted(seen_at):
        left, top, right, bottom, seen = box_at(KEYFRAMES[name], frame)
        yield f"{frame + 1},{name},{left:.1f},{top:.1f},{right - left:.1f},{bottom - top:.1f},1,1,{seen:.2f}"


def main() -> None:
    partial = TARGET.with_suffix(".partial")
    partial.write_text("\n".join(rows()) + "\n", encoding="ascii")
    os.replace(partial, TARGET)


if __name__ == "__main__":
    main()
