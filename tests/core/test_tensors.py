"""`Struct` and its few functions."""

import dataclasses

import pytest
import torch

from scalor.core.tensors import cat, constant, ramp, ste_clamp, take, zip_map
from scalor.core.types import Booked, Latents, Scenery, Slots, Terms, World


def slots(count: int, *, start: int = 0) -> Slots:
    empty = Slots.empty(2, what=3, paint=(4, 2, 2), sizes=(4, 5), like=torch.zeros(1))
    number = torch.arange(start, start + count)

    def filled(tensor: torch.Tensor) -> torch.Tensor:
        shape = (2, count, *tensor.shape[2:])
        return number.view(1, count, *[1] * (tensor.dim() - 2)).expand(shape).to(tensor.dtype)

    return empty.map(filled)


def test_a_struct_is_frozen_and_replace_leaves_the_original() -> None:
    first = slots(2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.id = torch.zeros(1)  # type: ignore[misc]
    second = first.replace(id=first.id + 10)
    assert first.id[0].tolist() == [0, 1] and second.id[0].tolist() == [10, 11] and second.box is first.box


def test_replace_knows_its_fields_and_forgets_what_was_derived() -> None:
    with pytest.raises(TypeError, match="Slots has no field name"):
        slots(1).replace(name=1)
    booked = Booked(lambda: Terms.zeros(1, torch.zeros(1)))
    assert booked.terms.elbo == 0
    other = booked.replace(books=lambda: Terms.zeros(1, torch.zeros(1)).replace(log_like=torch.ones(1)))
    assert other.terms.elbo == 1 and isinstance(other, Booked)


def test_empty_slots_have_no_objects_but_all_widths() -> None:
    empty = Slots.empty(2, what=3, paint=(4, 2, 2), sizes=(4, 5), like=torch.zeros(1, dtype=torch.float64))
    assert empty.count == 0 and empty.dynamics.shape == (2, 0, 10) and empty.latents.what.shape == (2, 0, 3)
    assert empty.id.dtype == torch.int64 and empty.alive.dtype == torch.bool and empty.box.dtype == torch.float64


def test_what_is_made_once_is_real_and_may_be_trained_with() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    like = torch.zeros(1, dtype=torch.float64)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        constant(1.0, 2.5, like=like)
        ramp(17, like=like)
    with torch.inference_mode():
        one, two = constant(1.0, 2.5, like=like), ramp(17, like=like)
    assert one.tolist() == [1.0, 2.5] and two.tolist() == list(range(17))
    assert one is constant(1.0, 2.5, like=like) and one is not constant(1.0, 2.5, like=like.float())
    (one * torch.ones(2, dtype=torch.float64, requires_grad=True)).sum().backward()


def test_cat_with_empty_slots_changes_nothing_and_order_is_kept() -> None:
    some = slots(2)
    for joined in (cat([some, slots(0)], dim=1), cat([slots(0), some], dim=1)):
        assert torch.equal(joined.latents.what, some.latents.what) and torch.equal(joined.id, some.id)
    assert cat([slots(2), slots(1, start=5)], dim=1).id[1].tolist() == [0, 1, 5]


def test_take_picks_per_batch_element_in_every_field() -> None:
    picked = take(slots(3), torch.tensor([[2, 0], [1, 1]]))
    assert picked.id.tolist() == [[2, 0], [1, 1]]
    assert picked.latents.what[:, :, 2].tolist() == [[2, 0], [1, 1]] and picked.dynamics.shape == (2, 2, 10)
    assert take(slots(3), torch.zeros(2, 0, dtype=torch.int64)).count == 0


def test_map_reaches_tuples_and_nested_structs_and_passes_plain_values() -> None:
    leaf = torch.ones(2, requires_grad=True)
    world = World(slots(1), (leaf, leaf * 2), leaf * 3, torch.zeros(2).long(), Scenery(height=8, width=9, video=None))
    cut = world.detach()
    assert isinstance(cut, World) and cut.scenery.height == 8 and cut.scenery.video is None
    assert not any(t.requires_grad for t in (*cut.background, cut.memory)) and world.memory.requires_grad
    assert torch.equal(cut.background[1], world.background[1])


def test_zip_map_joins_nested_fields_by_name() -> None:
    joined = zip_map(torch.add, slots(2), slots(2, start=1))
    assert isinstance(joined.latents, Latents) and joined.latents.depth[0, :, 0].tolist() == [1, 3]


def test_terms_add_up_and_the_elbo_is_both_likelihoods_minus_every_kl() -> None:
    names = [field.name for field in dataclasses.fields(Terms)]
    one = Terms(**{name: torch.tensor([10.0**k]) for k, name in enumerate(names)})
    twice = one + one
    for name in names:
        assert float(getattr(twice, name)) == 2 * float(getattr(one, name))
    assert float(one.kl) == sum(10.0**k for k, name in enumerate(names) if name.startswith("kl_"))
    assert float(one.elbo) == float(one.log_like) - float(one.kl)
    assert float(one.objective) == float(one.elbo) + float(one.log_mask)
    assert float(Terms.zeros(3, torch.ones(1)).elbo.abs().sum()) == 0.0


def test_the_clamp_cuts_values_but_not_gradients() -> None:
    value = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    clamped = ste_clamp(value)
    assert clamped.tolist() == [0.0, 0.5, 1.0]
    clamped.sum().backward()
    assert value.grad is not None and value.grad.tolist() == [1.0, 1.0, 1.0]
