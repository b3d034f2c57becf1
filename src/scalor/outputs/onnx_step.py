"""A step of tracking as an ONNX file: a frame and the state go in, objects and the next state come out."""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import scalor
from scalor.core.files import put_in_place
from scalor.core.fixed import fixed_shapes, roomy
from scalor.core.types import TRACKING, Scenery, World
from scalor.data.region import region_looked_at
from scalor.errors import UserError
from scalor.models.scalor import Scalor
from scalor.outputs.onnx_check import check_step
from scalor.outputs.places import library
from scalor.pretrained import Loaded, load_all
from scalor.tracking.report import owner_ids, tight_tlwh, visible_share
from scalor.tracking.stored import chosen_video, size_seen, smooth_of
from scalor.tracking.view import View

OPSET = 18
"""The oldest that has everything the step uses."""
OBJECTS = 64
"""Objects that a file has room for, unless told otherwise."""
FOUND = ("id", "here", "box", "score", "visibility", "evidence", "owner")
"""What a step says about its frame; the next state follows."""
STATE_NAMES = {"duplicate_frames": "doubled", "continuity": "steady", "confidence": "score"}
"""Fields of `Slots` that files call otherwise: they keep the names of the first ones."""


def export_onnx(
    weights: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    objects: int = OBJECTS,
    video: int | None = None,
) -> dict[str, Any]:
    """Write a step of tracking with these weights as an ONNX file; returns what its metadata say (see `described`).

    Args:
        weights: a name, a run folder or a file.
        out: the file.
        size: height and width of the frames; None: the size that the weights were learned on.
        objects: how many the file has room for; when all are taken nothing new is found.
        video: which of the videos that the weights were learned on, for its size and learned background.

    Raises:
        UserError: no such weights, weights without objects, an unknown size, no such video or none where each has a
            background of its own, a library that is missing, or one that writes something else than the model.
    """
    for name in ("onnx", "onnxruntime", "onnxscript"):
        library(name, extra="onnx")
    loaded = load_all(weights)
    video = chosen_video(loaded, video)
    step = OnnxStep(loaded, _size(loaded, size, video), objects, video=video or 0)
    names, state = step.initial()
    about = described(step, names, state) | {"weights": str(weights), "smooth": smooth_of(loaded)}
    about["region"] = list(map(list, region_looked_at(loaded.card)))
    program = _program(step, names, state)
    program.model.metadata_props["scalor"] = json.dumps(about)

    def write(staging: Path) -> None:
        program.save(staging, external_data=False)
        check_step(staging, step, names, state, FOUND)

    put_in_place(Path(out), write)
    return about


def _program(step: "OnnxStep", names: list[str], state: list[Tensor]) -> Any:
    """The step as torch's exporter to ONNX writes it."""
    pictures = ["frame", "backdrop"][: 1 + step.filmed]
    inputs = [torch.zeros(step.frame, dtype=torch.uint8) for _ in pictures]  # one tensor twice would become one input
    with _quiet(), torch.no_grad():
        graph = torch.export.export(step, (*inputs, *state), strict=False)
        program = torch.onnx.export(
            graph,
            (),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[*pictures, *names],
            output_names=[*FOUND, *(f"next.{name}" for name in names)],
        )
    assert program is not None
    return program


class OnnxStep(nn.Module):
    """`Tracker.observe` as a function of tensors of fixed shapes, without its care for cameras that shake and frames
    that go blank."""

    def __init__(self, loaded: Loaded, size: tuple[int, int], objects: int, *, video: int = 0) -> None:
        super().__init__()
        if not isinstance(loaded.model, Scalor):
            raise UserError("these weights are of a baseline; weights of SCALOR are wanted for a file in ONNX")
        config = loaded.model.config
        self.model = Scalor(replace(config, discover=replace(config.discover, slots=objects)))
        self.model.load_state_dict(loaded.model.state_dict())
        self.eval().requires_grad_(False)
        self.view = View.of(*size, scale=1.0, cell=config.cell)
        self.frame, self.objects, self.filmed = (*size, config.channels), objects, config.needs_backdrop
        self.video = video

    def initial(self) -> tuple[list[str], list[Tensor]]:
        """Names and tensors of the state before the first frame; what has no numbers is left out."""
        state = self._flat(roomy(self._empty(None), self.objects))
        # All zeros will do: the step gives what is not there an identity and a size.
        kept = {name: torch.zeros_like(tensor) for name, tensor in state.items() if tensor.numel()}
        return list(kept), list(kept.values())

    def forward(self, frame: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """uint8 [H, W, C], for a median background the empty scene alike, and the state to `FOUND` and the next."""
        backdrop = self._seen(state[0]) if self.filmed else None
        world = self._restored(self._empty(backdrop), state[1:] if self.filmed else state)
        with fixed_shapes():
            (sight,) = self.model.look(world, self._seen(frame).unsqueeze(1))
            after, step = self.model.step(world, sight, TRACKING)
            size = {"height": self.view.rows, "width": self.view.columns}
            box, share, owner = tight_tlwh(step, **size), visible_share(step, **size), owner_ids(step, **size)
        slots = step.slots
        here = slots.shown & (box[..., 2:] > 0).all(-1)
        found = (slots.id, here, box, slots.confidence, share, slots.evidence, owner)
        kept = [tensor for tensor in self._flat(after).values() if tensor.numel()]
        return (*(tensor[0] for tensor in found), *kept)

    def _seen(self, picture: Tensor) -> Tensor:
        height, width = self.view.padded
        image = picture.permute(2, 0, 1).unsqueeze(0).float() / 255
        return F.pad(image, (0, width - self.view.columns, 0, height - self.view.rows), mode="replicate")

    def _empty(self, backdrop: Tensor | None) -> World:
        height, width = self.view.padded
        which = torch.full((1,), self.video, dtype=torch.int64)
        return self.model.init(1, Scenery(height=height, width=width, backdrop=backdrop, video=which))

    @staticmethod
    def _flat(world: World) -> dict[str, Tensor]:
        slots, latents = vars(world.slots), vars(world.slots.latents)
        fields = {name: tensor for name, tensor in (latents | slots).items() if name != "latents"}
        named = {f"slots.{STATE_NAMES.get(name, name)}": tensor for name, tensor in fields.items()}
        for number, tensor in enumerate(world.background):
            named[f"background.{number}"] = tensor
        return named | {"memory": world.memory, "next_id": world.next_id}

    def _restored(self, empty: World, state: tuple[Tensor, ...]) -> World:
        shapes = self._flat(roomy(empty, self.objects))
        given = iter(state)
        named = {name: next(given) if tensor.numel() else tensor for name, tensor in shapes.items()}
        fields = {STATE_NAMES.get(name, name): name for name in vars(empty.slots)}
        slots = {name.removeprefix("slots."): tensor for name, tensor in named.items() if name.startswith("slots.")}
        slots = {fields.get(name, name): tensor for name, tensor in slots.items()}
        codes = {name: slots.pop(name) for name in vars(empty.slots.latents)}
        slots["box"] = torch.where(slots["alive"].unsqueeze(-1), slots["box"], 1.0)
        return empty.replace(
            slots=empty.slots.replace(latents=empty.slots.latents.replace(**codes), **slots),
            background=(named["background.0"], named["background.1"]),
            memory=named["memory"],
            next_id=named["next_id"],
        )


def described(step: OnnxStep, names: list[str], state: list[Tensor]) -> dict[str, Any]:
    """What a file says about itself: sizes, and shape and type of every tensor of the state, which begins as zeros."""
    return {
        "made_by": f"scalor {scalor.__version__}",
        "frame": list(step.frame),
        "backdrop": step.filmed,
        "objects": step.objects,
        "state": {
            name: {"shape": list(tensor.shape), "type": str(tensor.dtype).removeprefix("torch.")}
            for name, tensor in zip(names, state, strict=True)
        },
    }


def _size(loaded: Loaded, size: tuple[int, int] | None, video: int | None) -> tuple[int, int]:
    known = size or size_seen(loaded, video)
    if known is None:
        raise UserError("these weights do not say how large their frames are; give --size HxW, for example 360x640")
    return known


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's hints are for those who write exporters."""
    import logging

    noisy = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in noisy]
    for logger in noisy:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)
