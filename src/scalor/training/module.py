"""The Lightning module: one step is observe, -ELBO and other objectives, clip, guard, optimiser, average, critics."""

import copy
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils.data import IterableDataset

from scalor import pretrained
from scalor.core.schedule import Recipe, bootstrap_weight, clip_length, ema_decay, knobs_at, learning_rate
from scalor.core.types import Scenery, Terms
from scalor.models.build import build
from scalor.objectives.extras import Extras
from scalor.objectives.vimco import loss_of
from scalor.rollout import Rollout, observe, scenery_of
from scalor.training.augment import AugmentedBatches
from scalor.training.batches import Batch, Batches
from scalor.training.bootstrap import bootstrap_loss
from scalor.training.checkpoint import Plan, random_states, restore_random_states, seed_everything
from scalor.training.clock import Clock
from scalor.training.copy_paste import copy_paste, under_occluders
from scalor.training.measure import measure
from scalor.training.nonfinite_guard import NonFiniteGuard
from scalor.training.prefetch import DEPTH, Prefetcher, workers_for
from scalor.training.process_group import ProcessGroup

LOG_EVERY = 20
"""Steps between two measurements; between them nothing is computed for the log."""


class BatchShare(NamedTuple):
    """A process's share of a batch, the whole batch's numbers for the guard's report, and where in the training it is.

    weight  the share of the batch's clips that ``batch`` has
    """

    batch: Batch
    weight: float
    clips: list[int]
    step: int
    progress: float


class BatchStream(IterableDataset[BatchShare]):
    """Shares of the batches from step ``module.done`` to the clock's end; schedules follow from (step, progress).

    Batches, which follow from (seed, step) and the clips' length, are made in advance.
    """

    def __init__(self, batches: Batches, recipe: Recipe, clock: Clock, module: "TrainingModule") -> None:
        self.batches, self.recipe, self.clock, self.module = batches, recipe, clock, module
        self.seed = module.plan.seed

    def __iter__(self) -> Iterator[BatchShare]:
        step, group = self.module.done, self.module.group
        # On a CPU a third busy thread on two cores costs half a step more than it saves (`scalor bench`).
        on_cpu = self.module.device.type == "cpu"
        workers = 0 if on_cpu or not self.batches.portable else workers_for(os.cpu_count() or 1)
        make = AugmentedBatches(self.batches, self.recipe, self.seed)
        with Prefetcher(make, last=self.clock.steps, depth=0 if on_cpu else DEPTH, workers=workers) as prefetched:
            while (progress := group.from_leader(self.clock.progress(step))) < 1.0:
                frames = min(clip_length(self.recipe, step, progress), self.batches.longest)
                clips, batch = self.batches.clips(step, size=self.recipe.batch), prefetched(step, frames)
                size = len(batch.video)
                yield BatchShare(batch.part(group.share(size)), group.weight(size), clips, step, progress)
                step += 1


class TrainingModule(LightningModule):
    """The model under training and the average of its weights.

    done     steps done, skipped ones included: the number of the next step
    numbers  measurements of the last step, if it was one to be logged
    states   the states of everybody's random generators, by rank, when they were last gathered
    """

    def __init__(self, plan: Plan, clock: Clock, guard: NonFiniteGuard, group: ProcessGroup) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.plan, self.clock, self.guard, self.group = plan, clock, guard, group
        seed_everything(plan.seed)
        self.model = build(plan.preset.model)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.extras = Extras(plan.preset.recipe, plan.preset.model)
        self.done = 0
        self.numbers: dict[str, float] | None = None
        self.states: list[dict[str, Any]] = []

    def start_from(self, weights: str) -> None:
        """Give the model and its average weights that were learned before. Raises UserError where they do not fit."""
        pretrained.fill(self.model, weights)
        pretrained.fill(self.average, weights)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        recipe = self.plan.preset.recipe
        kind = torch.optim.RMSprop if recipe.optimizer == "rmsprop" else torch.optim.Adam
        own: torch.optim.Optimizer = kind(self.model.parameters(), lr=recipe.lr)
        return [own, *(critic.optimizer() for critic in self.extras.critics)]

    def on_train_start(self) -> None:
        """Whatever Lightning drew until here, a run is reproducible from here on."""
        if len(self.states) == self.group.size:
            restore_random_states(self.states[self.group.rank])
        else:
            seed_everything(self.group.seed(self.plan.seed, self.done))
        self.group.broadcast([*self.parameters(), *self.buffers()])

    def gather_states(self) -> None:
        """What exact resuming needs of the others; everybody calls it before the leader saves."""
        self.states = self.group.all_gather(random_states())

    def training_step(self, share: BatchShare, batch_idx: int) -> None:
        recipe, step, batch = self.plan.preset.recipe, share.step, share.batch
        particles = self.plan.preset.particles
        video, shown, scenery = prepared(batch, particles)
        usual = None if batch.usual is None else batch.usual.repeat_interleave(particles, 0)
        outline = None if batch.outline is None else batch.outline.repeat_interleave(particles, 0)
        layers = None
        if batch.before is not None:
            before, clear = batch.before.float().div_(255).repeat_interleave(particles, 0), video
            video, layers = copy_paste(self.model, clear, before, scenery)
            shown = None if shown is None else under_occluders(shown, clear, video)
        knobs = knobs_at(recipe, step, share.progress)
        if particles > 1:
            knobs = replace(knobs, hard=True, weigh=True)
        rollout: Rollout = observe(self.model, video, knobs, scenery, shown=shown)
        terms = rollout.terms
        loss = loss_of(rollout, particles)
        added, scalars = self.extras(video, rollout, step, share.progress)
        total = loss if added is None else loss + added
        if lead := bootstrap_weight(recipe, share.progress):
            scalars["bootstrap"] = bootstrap_loss(self.model, video, scenery, rollout, layers, usual, outline)
            total = total + lead * scalars["bootstrap"]
        means = self.group.all_sum(torch.stack([loss.detach(), total.detach()]) * share.weight)
        norm = self._descend(total, means[1], terms, scalars, share)
        self._step_critics(video, rollout, share)
        self.numbers = None
        if step % LOG_EVERY == 0:
            seen = measure(rollout, video, self.plan.preset.model) | {
                **{name: float(value.detach()) for name, value in scalars.items()},
                **{name: value for critic in self.extras.critics for name, value in critic.report().items()},
                "elbo": float(terms.elbo.detach().mean()),
            }
            self.numbers = self.group.mean(seen, share.weight) | {
                "step": float(step),
                "loss": float(means[0]),
                "objective": float(means[1]),
                "grad_norm": float(norm),
                "lr": learning_rate(recipe, step, share.progress),
                "temperature": knobs.temperature,
                "birth": knobs.birth,
                "frames": float(video.shape[1]),
                "skipped": float(self.guard.skipped),
            }
        self.done = step + 1

    def _descend(
        self, loss: Tensor, mean: Tensor, terms: Terms, scalars: dict[str, Tensor], share: BatchShare
    ) -> Tensor:
        """Backward, clip and, if all is finite, one step of the optimiser; returns the gradient's norm.

        ``loss`` is this process's and ``mean`` that of all processes.
        """
        recipe, step = self.plan.preset.recipe, share.step
        optimizer = self._optimizers()[0]
        optimizer.zero_grad()
        self.manual_backward(loss * share.weight)
        self.group.sum_gradients(self.model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        if self.guard.passes(step, loss=mean, norm=norm, terms=terms, clips=share.clips, scalars=scalars):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, step, share.progress)
            optimizer.step()
            self._follow(ema_decay(recipe, step))
        return norm

    def _step_critics(self, video: Tensor, rollout: Rollout, share: BatchShare) -> None:
        """One step of every critic against what the model has just made; what is not finite teaches it nothing.

        Each process's critic judges its own share; it is taught by those that have something to teach.
        """
        if not self.extras.critics:
            return
        image = rollout.image.detach()
        for critic, optimizer in zip(self.extras.critics, self._optimizers()[1:], strict=True):
            loss = critic.own_loss(video, image, share.step)
            optimizer.zero_grad()
            teaches = loss is not None and bool(torch.isfinite(loss))
            if loss is not None and teaches:
                self.manual_backward(loss * share.weight)
            if self.group.all_max([float(teaches)])[0]:
                self.group.sum_gradients(critic.parameters())
                optimizer.step()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """The model's, then the critics'."""
        found = self.optimizers()
        every = found if isinstance(found, list) else [found]
        return [optimizer for optimizer in every if isinstance(optimizer, torch.optim.Optimizer)]

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1.0 - decay)
        for mine, other in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mine.copy_(other)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Lightning's own loop counters would decide where to go on; the step alone does (see BatchStream).
        checkpoint.pop("loops", None)
        checkpoint["scalor"] = {
            "step": self.done,
            "elapsed": self.clock.elapsed,
            "skipped": self.guard.skipped,
            "random": self.states[0],
            "others": self.states[1:],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["scalor"]
        self.done, self.guard.skipped = state["step"], state["skipped"]
        self.states = [state["random"], *state.get("others", [])]  # runs of before 0.2 were made by one process
        self.clock.before = state["elapsed"]
        self.clock.start()


def prepared(batch: Batch, repeats: int = 1) -> tuple[Tensor, Tensor | None, Scenery]:
    """Clips as float in [0, 1], what is shown of them if not all, and their scenery; each ``repeats`` times."""
    video = batch.video.float().div_(255)
    shown = None if batch.shown is None else batch.shown.float().div_(255)
    backdrop = None if batch.backdrop is None else batch.backdrop.float().div_(255)
    scenery = scenery_of(video, backdrop, batch.which, batch.top)
    if repeats == 1:
        return video, shown, scenery
    again = None if shown is None else shown.repeat_interleave(repeats, 0)
    scenery = scenery.map(lambda tensor: tensor.repeat_interleave(repeats, 0))
    return video.repeat_interleave(repeats, 0), again, scenery
