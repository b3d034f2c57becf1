"""Programs feed the state of an ONNX file by name: the names of the first files stay."""

from scalor.outputs.onnx_step import OnnxStep
from scalor.pretrained import load_all

STATE = [
    "pres where what depth",
    "box size habit age paint tracker dynamics deficit doubt asleep doubled steady evidence score id alive",
]


def test_the_state_has_the_names_of_the_first_files() -> None:
    names, _ = OnnxStep(load_all("traffic"), (64, 64), 8).initial()
    slots = [name.removeprefix("slots.") for name in names if name.startswith("slots.")]
    assert slots == " ".join(STATE).split()
