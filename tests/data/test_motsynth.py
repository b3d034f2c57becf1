import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.mask import encode

from scalor.data.crowd import Crowd, crowd
from scalor.data.grounds import replacement
from scalor.data.loader import batch_at
from scalor.data.motsynth import MOTSynth, MOTSynthReplacedBG, missing
from scalor.data.motsynth_write import write_motsynth
from scalor.errors import UserError
from scalor.training.datasets import data_named

HEIGHT, WIDTH, LENGTH = 12, 20, 10
BOXES = {7: (2.0, 3.0, 4.0, 6.0), 3: (9.0, 1.0, 3.0, 5.0)}
"""Left, top, width, height in frame 0; everybody walks one pixel to the right per frame."""


def rle(box: tuple[float, ...]) -> dict[str, Any]:
    left, top, width, height = map(int, box)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top : top + height, left : left + width] = 1
    found = encode(np.asfortranarray(mask))
    return {"size": found["size"], "counts": found["counts"].decode()}


def write(root: Path, name: str = "028", *, first: int = 0, frame_base: int = 0, text_base: int = 1) -> Path:
    """A tiny folder of the published layout, written without the package's own writer."""
    pictures, marks = root / "frames" / name / "rgb", root / "mot_annotations" / name / "gt"
    for folder in (pictures, marks, root / "annotations"):
        folder.mkdir(parents=True, exist_ok=True)
    images, rows, lines = [], [], []
    for number in range(LENGTH):
        picture = np.full((HEIGHT, WIDTH, 3), number * 10, np.uint8)
        Image.fromarray(picture).save(pictures / f"{first + number:04d}.jpg", quality=100)
        key = 28_000 + number
        images.append({"id": key, "file_name": f"frames/{name}/rgb/{number:04d}.jpg", "frame_n": number + frame_base})
        for ped, (left, *rest) in BOXES.items():
            box = (left + number, *rest)
            rows.append(
                {"id": len(rows), "image_id": key, "iscrowd": 0, "ped_id": ped, "bbox": box, "segmentation": rle(box),
                 "keypoints": [1, 1, 2, 1, 1, 1]}
            )  # fmt: skip
            place = f"{box[0] + 1},{box[1] + 1},{box[2]},{box[3]}"
            lines.append(f"{number + text_base},{ped},{place},1,1,0.8,1.5,2.5,3.5\n")
    rows.append(rows[0] | {"iscrowd": 1, "ped_id": 99})
    info = {"fps": 20, "img_height": HEIGHT, "img_width": WIDTH}
    book = root / "annotations" / f"{name}.json"
    book.write_text(json.dumps({"info": info, "licences": [], "images": images, "annotations": rows}))
    (marks / "gt.txt").write_text("".join(lines))
    return book


def test_boxes_ids_masks_and_visibility_are_read_from_the_published_layout(tmp_path: Path) -> None:
    write(tmp_path)
    clip = MOTSynth(tmp_path, frames=2, skip=3, size=None, crop="left")[0]
    assert clip.video.shape == (2, 3, HEIGHT, HEIGHT) and clip.fps == pytest.approx(20 / 3)
    assert clip.video[:, 0, 0, 0].tolist() == [0, 30] and clip.truth is not None
    truth = clip.truth
    # People by rising ped_id, renumbered; the one who is further right leaves the square crop.
    assert truth.id.tolist() == [[0, 1], [-1, 1]]
    torch.testing.assert_close(truth.box_tlwh[0], torch.tensor([[9.0, 1, 3, 5], [2, 3, 4, 6]]))
    torch.testing.assert_close(truth.box_tlwh[1, 1], torch.tensor([5.0, 3, 4, 6]))
    torch.testing.assert_close(truth.visibility[truth.id >= 0], torch.full((3,), 0.8))
    owner = torch.full((2, HEIGHT, HEIGHT), -1, dtype=torch.int16)
    owner[0, 1:6, 9:12], owner[0, 3:9, 2:6], owner[1, 3:9, 5:9] = 0, 1, 1
    torch.testing.assert_close(truth.owner, owner)
    (tmp_path / "mot_annotations/028/gt/gt.txt").unlink()
    (fresh := tmp_path / "again").mkdir()
    write(fresh)
    (fresh / "mot_annotations/028/gt/gt.txt").unlink()
    seen = MOTSynth(fresh, frames=2, skip=3, size=None, crop="left")[0].truth
    assert seen is not None and seen.visibility[0].tolist() == [0.5, 0.5]  # one of two key points


def test_scaling_keeps_boxes_and_masks_together(tmp_path: Path) -> None:
    write(tmp_path)
    small = MOTSynth(tmp_path, frames=2, skip=3, size=6, crop="left")[0]
    assert small.truth is not None and small.video.shape[-2:] == (6, 6)
    torch.testing.assert_close(small.truth.box_tlwh[0, 1], torch.tensor([1.0, 1.5, 2, 3]))
    assert (small.truth.owner[0] == 1).sum() == 6  # a quarter of 24 pixels


def test_what_is_written_is_read_back_to_the_same_truth(tmp_path: Path) -> None:
    clips = [Crowd(crowd("tiny"), seed=4).clip(index, 6) for index in range(2)]
    write_motsynth(clips, tmp_path / "out")
    back = MOTSynth(tmp_path / "out", frames=6, size=None, sequences=("000", "001"))
    assert len(back) == 2 and back.step == 1
    for index, clip in enumerate(clips):
        other = back[index]
        assert clip.truth is not None and other.truth is not None and (clip.truth.id >= 0).any()
        for name in ("id", "owner"):
            torch.testing.assert_close(getattr(other.truth, name), getattr(clip.truth, name))
        for name in ("box_tlwh", "center", "visibility", "size"):
            torch.testing.assert_close(
                getattr(other.truth, name), getattr(clip.truth, name), atol=1e-4, rtol=0, msg=lambda m, n=name: n + m
            )
        assert (other.video.float() - clip.video.float()).abs().mean() < 4  # JPEG of camera noise
    with pytest.raises(UserError, match="exists already"):
        write_motsynth(clips, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_people_are_cut_out_by_the_union_of_their_masks(tmp_path: Path) -> None:
    write(tmp_path)
    source = MOTSynth(tmp_path, frames=2, skip=3, size=None, crop="left")
    plain, cut = source[0], MOTSynthReplacedBG(source, "gradient")[0]
    assert plain.truth is not None and cut.truth is not None
    people = (plain.truth.owner >= 0)[:, None].expand_as(plain.video)
    ground = torch.from_numpy(replacement("gradient", HEIGHT).copy()).permute(2, 0, 1).expand_as(plain.video)
    torch.testing.assert_close(cut.video[people], plain.video[people])
    torch.testing.assert_close(cut.video[~people], ground[~people])
    (tmp_path / "annotations/028.json").rename(tmp_path / "annotations/029.json")
    (other := tmp_path / "blind").mkdir()
    write(other)
    (other / "annotations/028.json").unlink()
    blind = MOTSynth(other, frames=2, skip=3)
    assert blind[0].truth is None and "no annotations of 028" in blind.missing()[0]
    with pytest.raises(UserError, match="no annotations; its masks are wanted"):
        MOTSynthReplacedBG(blind)[0]


def test_missing_sequences_are_reported_and_the_others_used(tmp_path: Path) -> None:
    write(tmp_path, "028")
    (tmp_path / "annotations/033.json").write_text("{}")
    assert missing(tmp_path) == [f"no frames of 033 in {tmp_path}: not used"]
    data = MOTSynth(tmp_path, sequences=("028", "629"), frames=2, skip=2)
    assert len(data) == 1 and "no frames of 629" in data.missing()[0]
    with pytest.raises(UserError, match="none of the sequences 629; it has 028"):
        MOTSynth(tmp_path, sequences=("629",))


def broken(text: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        book = root / "annotations/028.json"
        data = json.loads(book.read_text())
        text(data)
        book.write_text(json.dumps(data))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "frames/028/rgb/0003.jpg").unlink(), "lacks picture 3"),
        (lambda root: (root / "frames/028/rgb/0003.jpg").write_bytes(b"?"), "cannot be read"),
        (broken(lambda data: data["images"][4].update(frame_n=9)), "numbers its frames"),
        (broken(lambda data: data["annotations"][0].update(image_id=1)), "cannot be understood"),
        (broken(lambda data: data["annotations"][0]["segmentation"].update(size=[3, 3])), "no run-length mask"),
        (broken(lambda data: data["info"].update(img_width=99)), "no run-length mask of 99 x 12"),
        (broken(lambda data: data.pop("info")), "cannot be understood"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    write(tmp_path)
    spoil(tmp_path)
    with pytest.raises(UserError, match=words) as caught:
        data = MOTSynth(tmp_path, frames=5, skip=1, size=None, split="train")
        for index in range(len(data)):
            _ = data[index]
    assert "\n" not in str(caught.value)


def test_frame_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for number, (settings, words) in enumerate(
        [({"first": 3}, "extract the video again without its first two"), ({"text_base": 2}, "disagree about")]
    ):
        write(root := tmp_path / str(number), **settings)
        with pytest.raises(UserError, match=words):
            _ = MOTSynth(root, frames=2, skip=2)[0]
    write(root := tmp_path / "from-one", frame_base=1)  # both bases of frame_n are about
    assert MOTSynth(root, frames=2, skip=2)[0].truth is not None


def test_training_and_test_share_no_picture(tmp_path: Path) -> None:
    write(tmp_path)
    seen = {
        split: {int(clip.video[t, 0, 0, 0]) for clip in map(data.__getitem__, range(len(data))) for t in range(2)}
        for split in ("train", "test")
        for data in [MOTSynth(tmp_path, frames=2, skip=1, split=split)]
    }
    assert seen["train"] and seen["test"] and not seen["train"] & seen["test"]


def test_a_clip_is_a_pure_function_of_seed_and_index(tmp_path: Path) -> None:
    write(tmp_path)
    data = MOTSynth(tmp_path, frames=2, skip=2, seed=1)
    torch.testing.assert_close(data[0].video, data.clip(0).video, rtol=0, atol=0)
    torch.testing.assert_close(data[0].video[:1], data.clip(0, 1).video, rtol=0, atol=0)
    batch = batch_at(data, 5, step=0, batch=2, frames=2)  # takes the pictures alone
    torch.testing.assert_close(batch, torch.stack([data[0].video] * 2), rtol=0, atol=0)
    starts = {int(replace(data, seed=seed)[0].video[0, 0, 0, 0]) for seed in range(20)}
    assert starts == {0, 10}


def test_it_is_reached_by_name_and_folder(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(UserError, match="too few for one train clip"):
        data_named(f"motsynth:{tmp_path}", 0)
    with pytest.raises(UserError, match="came without its folder"):
        data_named("motsynth", 0)
    with pytest.raises(UserError, match="no folder frames"):
        data_named(f"motsynth:{tmp_path / 'frames'}", 0)
    out = write_motsynth([Crowd(crowd("tiny")).clip(0, 20)], tmp_path / "long")
    assert data_named(f"motsynth:{out}", 0)[0].video.shape == (10, 3, 128, 128)
    assert len(data_named(f"motsynth-blurred:{out}", 0, split="test")) == 1
