"""Steps that are not finite are skipped; five in a row end the training and name what broke."""

import json
import math
from pathlib import Path

import pytest
import torch

from scalor.core.types import Terms
from scalor.errors import UserError
from scalor.training.nonfinite_guard import NonFiniteGuard, broken_term

GOOD, BAD = torch.tensor(1.0), torch.tensor(math.nan)


def terms(**broken: float) -> Terms:
    return Terms.zeros(2, GOOD).replace(**{name: torch.tensor([0.0, value]) for name, value in broken.items()})


def judged(guard: NonFiniteGuard, step: int, *, loss: torch.Tensor = GOOD, norm: torch.Tensor = GOOD) -> bool:
    return guard.passes(step, loss=loss, norm=norm, terms=terms(kl_what=math.inf), clips=[7, step])


def test_a_finite_step_passes_and_others_are_counted(tmp_path: Path) -> None:
    guard = NonFiniteGuard(tmp_path / "nonfinite.json")
    assert judged(guard, 0)
    assert not judged(guard, 1, loss=BAD)
    assert not judged(guard, 2, norm=torch.tensor(math.inf))
    assert judged(guard, 3)
    assert guard.skipped == 2


def test_five_in_a_row_stop_and_list_their_batches(tmp_path: Path) -> None:
    guard = NonFiniteGuard(tmp_path / "nonfinite.json")
    for step in range(4):
        judged(guard, step, loss=BAD)
    assert not guard.path.exists()
    with pytest.raises(UserError, match="broke at kl_what"):
        judged(guard, 4, loss=BAD)
    listed = json.loads(guard.path.read_text())
    assert [entry["step"] for entry in listed] == [0, 1, 2, 3, 4] and listed[4]["clips"] == [7, 4]


def test_a_good_step_between_starts_the_count_anew(tmp_path: Path) -> None:
    guard = NonFiniteGuard(tmp_path / "nonfinite.json")
    for step in range(12):
        judged(guard, step, loss=GOOD if step % 4 == 3 else BAD)
    assert guard.skipped == 9


def test_the_first_broken_term_is_named_and_the_gradient_where_none_is() -> None:
    assert broken_term(terms(kl_depth=math.nan)) == "kl_depth"
    assert broken_term(terms()) == "the gradient"
