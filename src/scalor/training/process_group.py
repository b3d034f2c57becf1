"""`ProcessGroup`: processes that train one model, each on a device of its own and on its share of every batch.

Losses and gradients are means over clips. A process weighs its own by the share of the batch that it has seen, and the
sum over the group is then what one process would have found on the whole batch. Every process takes the same step, so
that the weights stay the same everywhere. What depends on a clock or a signal is decided together: nobody waits for
somebody who has left the loop.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

WAIT = timedelta(minutes=30)
"""How long the others wait for the first one, who also draws pictures and validates the weights."""


class ProcessGroup(ABC):
    """``size`` processes, of which this one has number ``rank``; number 0 leads: it alone writes and prints.

    device  this process's, by the name that a user would give
    """

    rank: int
    size: int
    device: str

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Which of ``count`` clips are this process's; shares differ by one clip at most."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def weight(self, count: int) -> float:
        """The share of ``count`` clips that this process has."""
        mine = self.share(count)
        return (mine.stop - mine.start) / count

    def seed(self, seed: int, step: int) -> int:
        """What this process draws noise with from ``step`` on; every process has its own noise."""
        if self.rank == 0 and step == 0:
            return seed
        return int(np.random.SeedSequence([seed, self.rank, step]).generate_state(2, np.uint32).view(np.uint64)[0] >> 1)

    def mean(self, numbers: Mapping[str, float], weight: float) -> dict[str, float]:
        """Weighted means over the processes, of each number over those that have it."""
        told = self.all_gather((dict(numbers), weight))
        names = dict.fromkeys(name for found, _ in told for name in found)
        having = {name: [(found[name], share) for found, share in told if name in found] for name in names}
        return {
            name: sum(value * share for value, share in pairs) / sum(share for _, share in pairs)
            for name, pairs in having.items()
        }

    def from_leader(self, value: float) -> float:
        """The leader's value."""
        return self.all_max([value if self.leads else -float("inf")])[0]

    @abstractmethod
    def all_max(self, values: Sequence[float]) -> list[float]:
        """The largest of each over the processes."""

    @abstractmethod
    def all_gather(self, thing: Any) -> list[Any]:
        """The things of all processes, by rank."""

    @abstractmethod
    def all_sum(self, value: Tensor) -> Tensor:
        """The sum over the processes of a tensor without gradient."""

    @abstractmethod
    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its sum over the processes; where no process has one, none gets one."""

    @abstractmethod
    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite the tensors by those of the leader."""


class SingleProcess(ProcessGroup):
    """One process that does everything."""

    rank, size = 0, 1

    def __init__(self, device: str) -> None:
        self.device = device

    def all_max(self, values: Sequence[float]) -> list[float]:
        return list(values)

    def all_gather(self, thing: Any) -> list[Any]:
        return [thing]

    def all_sum(self, value: Tensor) -> Tensor:
        return value

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        pass

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        pass


class DistributedGroup(ProcessGroup):
    """One of several processes of this machine; they find each other by the file ``rendezvous``, which must be new."""

    def __init__(self, rank: int, devices: Sequence[str], rendezvous: Path) -> None:
        self.rank, self.size, self.device = rank, len(devices), devices[rank]
        if self.device.startswith("cuda"):
            torch.cuda.set_device(self.device)
        distributed.init_process_group(
            backend_of(self.device),
            init_method=f"file://{rendezvous}",
            rank=rank,
            world_size=self.size,
            timeout=WAIT,
        )

    def all_max(self, values: Sequence[float]) -> list[float]:
        told = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return [float(value) for value in told]

    def all_gather(self, thing: Any) -> list[Any]:
        told: list[Any] = [None] * self.size
        distributed.all_gather_object(told, thing)
        return told

    def all_sum(self, value: Tensor) -> Tensor:
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        every = list(parameters)
        mine = [torch.zeros_like(each) if each.grad is None else each.grad for each in every]
        having = torch.tensor([float(each.grad is not None) for each in every]).to(mine[0])
        # One message: the model is small, and many small ones would cost more than they carry.
        message = torch.cat([*(gradient.reshape(-1) for gradient in mine), having])
        distributed.all_reduce(message)
        *parts, counts = message.split([*(each.numel() for each in every), len(every)])
        for each, part, count in zip(every, parts, counts.tolist(), strict=True):
            each.grad = part.view_as(each) if count else None

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            distributed.broadcast(tensor.detach(), 0)


def backend_of(device: str) -> str:
    """What carries the messages; numbers on the CPU always travel by gloo, so that a GPU need not stop for them."""
    return "cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo"
