"""`Tracker`: the model's eyes on a stream of frames, in memory that depends on the scene and not on its length."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.core.arguments import plainly
from scalor.core.devices import pick_device, refuse_other_floats
from scalor.core.types import TRACKING, Knobs, Scenery, Sight, Slots, Step, World, closed
from scalor.data.backdrop import EmptyScene
from scalor.data.moving import Cover
from scalor.data.region import inside_of, region_looked_at
from scalor.data.repeats import Repeats
from scalor.data.source import smoothed
from scalor.data.steady import Steady
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.pretrained import Loaded, load_all
from scalor.tracking.ages import Ages
from scalor.tracking.relit import SceneSlopes
from scalor.tracking.report import FrameResult, results_of
from scalor.tracking.silhouette import with_silhouettes
from scalor.tracking.splitting import EVERY, followed_as_one, inherit
from scalor.tracking.stored import backdrops_of, changed, cover_of, model_of, noise_of, scale_of, smooth_of, sways_of
from scalor.tracking.trimming import trimmed, without_pixels_hidden
from scalor.tracking.view import View, as_picture, went_blank, with_channels

TOGETHER = 4
"""Frames of a recorded video that are looked at together."""
Glance = tuple[Sight | None, tuple[float, float]]
"""What is seen of a frame, None: what the one before showed; and how far right and below its contents lay."""


class Tracker:
    """Follows the objects of one video frame by frame, deterministically; keeps only the world of the last frame.

    All frames have one size, which is free; `reset` starts another video. Trackers may share a model.
    """

    # More arguments than the house allows: each is a thing a user turns, none belongs to another.
    @plainly
    def __init__(
        self,
        model: WorldModel | Loaded | str | PathLike[str],
        *,
        scale: float | None = None,
        backdrop: np.ndarray | EmptyScene | None = None,
        min_visibility: float = 0.25,
        min_score: float = 0.0,
        confirm: int = 1,
        video: int = 0,
        device: str | torch.device | None = None,
    ) -> None:
        """
        Args:
            model: weights as `scalor.load` gives them or takes them (a name, a run folder, a file), which know their
                scale and backdrop; or a world model.
            scale: the network sees frames made smaller by this factor in (0, 1]; None: the weights' own, or 1.
            backdrop: uint8 picture of the empty scene, of the frames' size or, as the network sees it (smoothed, where
                frames are), of the network's; for a median background. `scalor.data.backdrop.empty_scene` of such
                frames knows what sways, too. None: that of the weights, where they have several the one that the first
                frame shows.
            min_visibility: objects of which less than this share is seen are followed but not reported.
            min_score: the same for the probability of presence.
            confirm: frames that an object must live before it is reported.
            video: which of the videos it was learned on, for a model with one background per video.
            device: moves the model (``auto``: to the fastest device there is); None leaves it where it is.

        Raises:
            UserError: no such device, a share or scale out of range, confirm below 1, no such video, or no backdrop
                for a model that needs one.
        """
        device = device if device is None else pick_device(device)
        if isinstance(model, str | PathLike):
            model = load_all(model, "cpu" if device is None else device)
        if not isinstance(model, WorldModel | Loaded):
            raise UserError(
                f"a {type(model).__name__} came as the model; weights by name or path, or what scalor.load gives, are "
                "wanted"
            )
        self._loaded = model if isinstance(model, Loaded) else None
        self.model = model_of(model) if device is None else model_of(model).to(device)
        several = self.model.config.videos > 1
        self.scale = scale_of(model, video if several else None) if scale is None else scale
        self.smooth = smooth_of(model)
        self.min_visibility = min_visibility
        self.min_score = min_score
        self.confirm = confirm
        self.video = video
        self._backdrops: list[np.ndarray] = []
        self._scene = backdrop if isinstance(backdrop, EmptyScene) else None
        if self.model.config.needs_backdrop:
            image = backdrop.image if isinstance(backdrop, EmptyScene) else backdrop
            self._backdrops = backdrops_of(model) if image is None else [as_picture(image, "the backdrop")]
            if not self._backdrops:
                raise UserError(
                    "the model paints objects on a median image and none came; give backdrop, the empty scene"
                )
        # Of made clips every frame is one of its own, though it may look like the one before.
        self._filmed = bool(self._backdrops) or bool(self._loaded is not None and self._loaded.card.get("footage"))
        for share, value in {"min_visibility": min_visibility, "min_score": min_score}.items():
            if not 0 <= value <= 1:
                raise UserError(f"{share} is {value}; a number from 0 to 1 is wanted; correct it")
        if confirm < 1:
            raise UserError(f"confirm is {confirm}; a whole number from 1 is wanted; 1 reports objects at once")
        known = self.model.config.videos
        if not 0 <= video < max(1, known):
            raise UserError(f"video is {video}; the model knows {known}, counted from 0; choose one of them")
        View.of(1, 1, scale=self.scale, cell=1)
        self.reset()

    @classmethod
    def from_pretrained(cls, name: str | PathLike[str], *, revision: str | None = None, **settings: Any) -> "Tracker":
        """A tracker with weights of a folder that `save_pretrained` wrote, packaged ones, or ``OWNER/NAME`` of the Hub.

        ``revision`` is a branch, tag or commit of a Hub repository; the other arguments are those of a `Tracker`.
        Raises UserError where there are no such weights, and as `Tracker`.
        """
        from scalor.pretrained.hub import found

        return cls(found(name, revision=revision), **settings)

    def save_pretrained(self, folder: str | PathLike[str]) -> Path:
        """Write the weights that this tracker was made of, with their card and a README, into a folder; returns it.

        ``scalor track -w FOLDER`` takes it too. Raises UserError where the folder holds other files.
        """
        from scalor.pretrained.hub import save_folder

        return save_folder(self._loaded or self.model, folder)

    def push_to_hub(self, repo_id: str, *, private: bool | None = None, token: str | None = None) -> str:
        """Upload what `save_pretrained` writes to ``OWNER/NAME`` on the Hugging Face Hub; returns the commit's address.

        Raises UserError where scalor[hub] is not installed, or the Hub refuses.
        """
        from scalor.pretrained.hub import push

        return push(self._loaded or self.model, repo_id, private=private, token=token)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def ages(self) -> dict[int, int]:
        """For how many frames each object of the last one has been known, by its identity, hidden ones included."""
        return self._ages.by_id()

    def reset(self) -> None:
        """Forget everything seen; identities start again."""
        self.world: World | None = None
        self.view: View | None = None
        self.frames = self.failed = self.covered = self.repeated = 0
        self.shift = (0.0, 0.0)
        """Network pixels by which the camera had moved what the last frame shows to the right and down."""
        self._seen: np.ndarray | None = None
        self._cover: Cover | None = None
        self._steady: Steady | None = None
        self._outside: np.ndarray | None = None
        self._slopes: SceneSlopes | None = None
        self._noise: Tensor | None = None
        self._told: tuple[World, Step, Sight] | None = None
        self._ages, self._repeats, self._doubtful = Ages(), Repeats(), set[int]()

    def update(self, frame: np.ndarray | None, *, masks: bool = True) -> Any:
        """One frame further: uint8 [H, W, 3] RGB (or grey, or RGBA) to `supervision.Detections` in source pixels.

        Identities are in ``tracker_id``, the seen share of each object in ``data["visibility"]``, the nats of the
        frame's likelihood that it earned in ``data["evidence"]``. Full-frame masks cost H x W bytes per object; leave
        them out with ``masks=False``, or use `observe`. Raises UserError as `observe`.
        """
        return self.observe(frame).detections(masks=masks)

    def observe(self, frame: np.ndarray | None, *, pictures: bool = False, unconfirmed: bool = False) -> FrameResult:
        """As `update`, in plain numpy. ``frame`` None means that it could not be decoded: the world is imagined one
        step further, so that identities outlive the gap, and nothing is reported. So it is with a frame that went
        black, white or grey all over (`went_blank`), has hardly any of the contrast of the empty scene, or in which
        much more than was usual where the weights were learned is covered (``covered`` counts these). A frame of
        footage that shows once more what the last one showed (`Repeats`) takes no time: its report is the last one
        again, and nothing else changes (``repeated`` counts these).
        ``unconfirmed``: objects that are too young to be reported come, too; `ages` says for how long they are known.

        Raises:
            UserError: not uint8, not a picture, or not of the first frame's size.
        """
        return self._met(self._looked(iter([frame]))[0], pictures=pictures, unconfirmed=unconfirmed).on_frame()

    def observe_all(self, frames: Iterable[np.ndarray | None], *, in_scene: bool = False) -> Iterator[FrameResult]:
        """As `observe`, of the frames of a recorded video one after the other: a few are looked at together, which
        takes less time; they are asked for before what is before them is reported. ``in_scene``: results lie where the
        camera would show them if it did not shake, and say by ``shift`` where it did. Raises UserError as `observe`."""
        waiting = iter(frames)
        while glances := self._looked(waiting, 1 if self.world is None else TOGETHER):
            for result in map(self._met, glances):
                yield result if in_scene else result.on_frame()

    @torch.inference_mode()
    def _looked(self, frames: Iterator[np.ndarray | None], most: int = 1) -> list[Glance | None]:
        """What is seen of the frames that come next, of ``most`` that are not repeated; None: there is no picture."""
        pictures = []
        for frame in islice(frames, 2 * most):
            pictures.append(self._picture(frame))
            if sum(each is None or each[0] is not None for each in pictures) == most:
                break
        images = [image for image, _ in filter(None, pictures) if image is not None]
        known = self.world if images else None
        sights = iter(() if known is None else self.model.look(known, torch.stack(images, dim=1).to(self.device)))
        return [each and (None if each[0] is None else next(sights), each[1]) for each in pictures]

    def _picture(self, frame: np.ndarray | None) -> tuple[Tensor | None, tuple[float, float]] | None:
        """As `_steadied`, of no image where a frame shows once more what the last one showed."""
        small = None
        if frame is not None:
            picture = as_picture(frame)
            small = self.seen(self._open(picture), picture)
            if self._filmed and self._repeats.again(small):
                return None, (0.0, 0.0)
        steadied = None if small is None else self._steadied(small)
        if steadied is None:
            self._repeats.missed()
        return steadied

    def _steadied(self, small: np.ndarray) -> tuple[Tensor, tuple[float, float]] | None:
        """A frame `seen` as network input, and how far it had to be moved; None where there is no picture."""
        if self._seen is not None and went_blank(small, self._seen):
            return None
        shift, before = (0.0, 0.0), small
        if self._steady is not None:
            small = with_channels(small, 3)
            if self._steady.blank(small):  # as learning leaves it out
                return None
            small, shift = self._steady.seen(small)
            if self._outside is not None:
                small = np.where(self._outside, self._steady.reference, small)
            if self._cover is not None and self._cover.hides(small, self._steady):
                self.covered += 1
                return None
        self._seen = before
        assert self.view is not None
        return self.view.network_input(small, self.model.config.channels), shift

    @torch.inference_mode()
    def _met(self, glance: Glance | None, *, pictures: bool = False, unconfirmed: bool = False) -> FrameResult:
        """The report of the next frame, in the scene's coordinates."""
        number, self.frames = self.frames, self.frames + 1
        if glance is None or self.world is None or self.view is None:
            self.failed += 1
            return self._blink(number)
        sight, shift = glance
        if sight is None:
            self.repeated += 1
            return replace(self._report(number, pictures=pictures, unconfirmed=unconfirmed), repeated=True)
        self.shift = shift
        world, parted = self._parted(self.world, sight)
        self.world, step = self.model.step(world, sight, TRACKING)
        inherit(self.world.slots, parted)
        self._ages.grow(self.world.slots)
        self._told = world, step.replace(books=closed), sight  # a report needs none, and they hold the whole frame
        return self._report(number, pictures=pictures, unconfirmed=unconfirmed)

    def _report(self, number: int, *, pictures: bool, unconfirmed: bool) -> FrameResult:
        """What is reported of the last frame that was looked at."""
        assert self._told is not None and self.view is not None
        (world, step, sight), view = self._told, self.view
        result = results_of(step, view, index=number, pictures=pictures)[0]
        result = replace(self._reported(result, self.confirm if unconfirmed else 0), shift=self.shift)
        outline = self.model.outline(world, sight, self._noise)
        if outline is not None:
            masks = (outline.solid, outline.faint, outline.bare)
            solid, faint, bare = (view.cut(mask[0]).cpu().numpy() for mask in masks)
            result = without_pixels_hidden(trimmed(with_silhouettes(result, solid, faint, bare), faint))
            result = result.select(result.visibility >= self.min_visibility)
        if self._slopes is not None:
            picture = view.cut(sight.frame[0]).mul(255).round().byte().permute(1, 2, 0)
            result = self._slopes.compared(result, picture.cpu().numpy())
        return result

    def _parted(self, world: World, sight: Sight) -> tuple[World, Slots | None]:
        """The world without what two looks in a row, knowing nothing, say is two, and what it was; None: nothing."""
        if not self._backdrops or (self.frames - self.repeated - 1) % EVERY or not bool(world.slots.alive.any()):
            return world, None
        anew = self.model.step(self.model.init(1, world.scenery), sight, TRACKING)[1].slots
        two = followed_as_one(world.slots, anew)
        names = world.slots.id[0, two].tolist()
        again = [name for name in names if name in self._doubtful]
        self._doubtful = set(names) - set(again)
        if not again:
            return world, None
        gone = two & torch.isin(world.slots.id[0], torch.tensor(again, device=two.device))
        slots = world.slots
        return world.replace(slots=slots.replace(alive=slots.alive & ~gone)), slots.replace(alive=gone[None])

    @plainly
    @torch.inference_mode()
    def predict(self, steps: int, *, pictures: bool = False) -> list[FrameResult]:
        """The objects of the next ``steps`` frames as the model expects them, seen as the camera showed the last frame;
        the tracker itself stays where it is.

        Raises UserError before any frame, and for less than 0 steps.
        """
        if steps < 0:
            raise UserError(f"{steps} steps came; 0 or more are wanted: how many frames ahead")
        if self.world is None:
            raise UserError("predict came before any frame; a world to go on from is wanted; call update first")
        return self.ahead(self.world, steps, TRACKING, pictures=pictures)

    @torch.inference_mode()
    def ahead(
        self, world: World, steps: int, knobs: Knobs, *, pictures: bool = False, unconfirmed: bool = False
    ) -> list[FrameResult]:
        """What is reported where a world of one batch element goes on from the last frame and nothing is seen.

        ``unconfirmed``: as for `observe`; else objects are confirmed as they grow older.
        """
        assert self.view is not None
        results = []
        for number in range(steps):
            world, step = self.model.step(world, None, knobs)
            result = results_of(step, self.view, index=self.frames + number, pictures=pictures)[0]
            older = self.confirm if unconfirmed else number + 1
            results.append(self._reported(result, older).moved(*self.shift))
        return results

    def seen(self, view: View, picture: np.ndarray) -> np.ndarray:
        """A source picture as the network sees it, but for the padding: uint8 [rows, columns, C], smoothed if it was
        learned so."""
        small = view.shrunk(picture)
        return smoothed(small, self.smooth).reshape(small.shape)

    def _open(self, picture: np.ndarray) -> View:
        """The view; it and the world are made at the first picture; later pictures must have its size."""
        refuse_other_floats()
        height, width = picture.shape[:2]
        if self.view is None or self.world is None:
            self.view = View.of(height, width, scale=self.scale, cell=self.model.config.cell)
            self.world = self.model.init(1, self._scenery(self.view, picture))
        if (height, width) != (self.view.height, self.view.width):
            raise UserError(
                f"the frame is {width}x{height} px after frames of {self.view.width}x{self.view.height} px; frames of "
                "one size are wanted; use another Tracker, or reset this one, for another video"
            )
        return self.view

    def _scenery(self, view: View, picture: np.ndarray) -> Scenery:
        height, width = view.padded
        side = self.model.config.side
        if side is not None and (height, width) != (side, side):
            raise UserError(
                f"the frames are {view.columns}x{view.rows} px and the model sees {side}x{side} px only; frames of at "
                "most that size are wanted; crop the video, or use weights of SCALOR"
            )
        which = torch.tensor([self.video], device=self.device)
        if not self._backdrops:
            return Scenery(height=height, width=width, video=which)
        sizes = ((view.height, view.width), (view.rows, view.columns))
        fitting = [image for image in self._backdrops if image.shape[:2] in sizes]
        if not fitting:
            came = self._backdrops[0].shape
            raise UserError(
                f"the backdrop is {came[1]}x{came[0]} px; {view.width}x{view.height} px as the frames, or "
                f"{view.columns}x{view.rows} px as the network sees them, is wanted; take it from this very video"
            )
        first = self.seen(view, picture)
        stored = min(fitting, key=lambda image: changed(view.shrunk(image), first)) if len(fitting) > 1 else fitting[0]
        own = stored.shape[:2] == (view.rows, view.columns)
        scene = with_channels(stored if own else self.seen(view, stored), 3)
        sways = sways_of(self._loaded, stored) if self._scene is None else self._scene.sways
        self._steady = Steady(scene, sways if sways is not None and sways.shape == scene.shape[:2] else None)
        region = region_looked_at({} if self._loaded is None else self._loaded.card)
        self._outside = ~inside_of(region, scene.shape[:2])[..., None] if region else None
        if self.model.config.channels == 3:
            self._slopes = SceneSlopes(scene)
        backdrop = view.network_input(scene, self.model.config.channels).to(self.device)
        self._cover = cover_of(self._loaded, stored) if own else None
        noise = noise_of(self._loaded, stored)
        if noise is not None and noise.shape == (view.rows, view.columns):
            self._noise = F.pad(noise, (0, width - view.columns, 0, height - view.rows))[None].to(self.device)
        return Scenery(height=height, width=width, backdrop=backdrop, video=which)

    def _blink(self, number: int) -> FrameResult:
        if self.world is None or self.view is None:
            return FrameResult.empty(number, (0, 0), decoded=False)
        self.world, _ = self.model.step(self.world, None, TRACKING)
        self._ages.grow(self.world.slots)
        return FrameResult.empty(number, (self.view.height, self.view.width), decoded=False)

    def _reported(self, result: FrameResult, older: int = 0) -> FrameResult:
        keep = self._ages.of(result.ids) + older >= self.confirm
        keep &= (result.visibility >= self.min_visibility) & (result.score >= self.min_score)
        return result.select(keep)
