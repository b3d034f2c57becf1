"""The data types: latents, slots, world, sight, step, and the knobs of a call.

``*b`` stands for leading axes; everything in pixels unless a name says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from scalor.core.tensors import Struct, zip_map


@dataclass(frozen=True)
class Latents(Struct):
    """One sample of all that makes a set of objects visible.

    pres  [B, N]      presence in [0, 1]
    where [B, N, 4]   raw sample of the where site (size, ratio, x, y); its meaning as a box is in `geometry`
    what  [B, N, D]   appearance and mask code
    depth [B, N, 1]   larger is further away
    """

    pres: Tensor
    where: Tensor
    what: Tensor
    depth: Tensor


@dataclass(frozen=True)
class Slots(Struct):
    """The state of each object that is carried into the next frame.

    latents           the object's last `Latents`
    box               [B, N, 4] centre x, centre y, width, height in pixels
    size              [B, N, 2] raw (size, ratio) state that the where map decodes
    habit             [B, N, 4 + D + 1] running means of its where (size, ratio, velocity), what and depth samples
    age               [B, N] frames these means count
    paint             [B, N, C + 1, g, g] its last paint, alpha * colour and alpha, on the glimpse's grid; side 0 where
                      the model does not ask for it
    tracker           [B, N, Ht] posterior memory
    dynamics          [B, N, 2 Hp] prior memory (LSTM h and c side by side)
    deficit           [B, N] accumulated absence; the object dies at 0.6 (spec A.3)
    doubt             [B, N] nats against its still being there (tracking, see `survival`)
    asleep            [B, N] bool, known but not shown: nothing in the frame speaks for it (tracking)
    duplicate_frames  [B, N] for how many frames in a row a track of larger continuity sat on the same place
    continuity        [B, N] nats by which its codes of late were likelier for one object that goes on than for a new
                      one
    evidence          [B, N] nats of the last frame's likelihood that it earned (see `evidence`); 0 where nobody asked
    confidence        [B, N] how likely it is there, from its evidence where it is known, else from its presence
    id                [B, N] int64, never reused, -1 = empty
    alive             [B, N] bool; False marks padding
    """

    latents: Latents
    box: Tensor
    size: Tensor
    habit: Tensor
    age: Tensor
    paint: Tensor
    tracker: Tensor
    dynamics: Tensor
    deficit: Tensor
    doubt: Tensor
    asleep: Tensor
    duplicate_frames: Tensor
    continuity: Tensor
    evidence: Tensor
    confidence: Tensor
    id: Tensor
    alive: Tensor

    @property
    def shown(self) -> Tensor:
        """[B, N] bool: alive and awake."""
        return self.alive & ~self.asleep

    @property
    def count(self) -> int:
        return self.alive.shape[1]

    @staticmethod
    def empty(batch: int, *, what: int, paint: tuple[int, int, int], sizes: tuple[int, int], like: Tensor) -> "Slots":
        """N = 0 slots: a batch like any other. ``sizes`` are those of `Slots.tracker` and of the prior's memory."""

        def zeros(*shape: int) -> Tensor:
            return like.new_zeros((batch, 0, *shape))

        return Slots(
            latents=Latents(pres=zeros(), where=zeros(4), what=zeros(what), depth=zeros(1)),
            box=zeros(4),
            size=zeros(2),
            habit=zeros(4 + what + 1),
            age=zeros(),
            paint=zeros(*paint),
            tracker=zeros(sizes[0]),
            dynamics=zeros(2 * sizes[1]),
            deficit=zeros(),
            doubt=zeros(),
            asleep=zeros().bool(),
            duplicate_frames=zeros(),
            continuity=zeros(),
            evidence=zeros(),
            confidence=zeros(),
            id=zeros().long(),
            alive=zeros().bool(),
        )


@dataclass(frozen=True)
class Scenery(Struct):
    """What is known of a clip beside its frames: ``backdrop`` [B, C, H, W] (a median image), ``video`` [B] int64, and
    ``top`` [B], the row of the whole view that its first row is (None: 0)."""

    height: int
    width: int
    backdrop: Tensor | None = None
    video: Tensor | None = None
    top: Tensor | None = None

    @property
    def first_row(self) -> Tensor | float:
        """``top`` as [B, 1], beside the objects of a clip."""
        return 0.0 if self.top is None else self.top.unsqueeze(-1)


@dataclass(frozen=True)
class World(Struct):
    """The state that is carried in time.

    slots       the objects
    background  background memory: code [B, Db] and hidden [B, Hb] (both may have width 0), or, of a lattice of h x w
                squares, [B, h, w, Db] and [B, Hb, h, w]
    memory      encoder memory (ConvLSTM states side by side) [B, Cm, h, w]
    next_id     [B] int64
    scenery     height, width, backdrop and video number of the clip
    """

    slots: Slots
    background: tuple[Tensor, Tensor]
    memory: Tensor
    next_id: Tensor
    scenery: Scenery


@dataclass(frozen=True)
class Sight(Struct):
    """What is seen of a frame; ``None`` in its place means imagine.

    frame [B, C, H, W] in [0, 1]; features [B, F, Gh, Gw] with the past in them, None: objects are imagined and only
    compared with the frame (posterior and prior are one, and nothing can be born); memory: encoder memory after this
    frame; backdrop [B, C, H, W]: the scenery's with this frame's shadows on it, None: the scenery's; foreground
    [B, 1, H, W]: mask of what stands out from it, None: nothing asks for it; target [B, C, H, W]: the frame that is to
    be explained, where something hides parts of the one that is looked at, None: that one
    """

    frame: Tensor
    features: Tensor | None
    memory: Tensor
    backdrop: Tensor | None = None
    foreground: Tensor | None = None
    target: Tensor | None = None


@dataclass(frozen=True)
class Layers(Struct):
    """A flat list of M painted objects, over the whole batch; while learning, large ones are several tiles (`tiles`).

    batch   [M] int64    which batch element
    slot    [M] int64    which object of that element's set
    patch   [M, C + 1, P, P]  presence-free paint: alpha * colour and alpha, on P x P pixels of the frame
    corner  [M, 2] int64 top, left pixel of the patch (may lie outside the frame)
    pres    [M]          presence that fades the paint
    near    [M]          importance of the object: larger hides smaller
    index   int64 [M * P * P] where its pixels lie in planes of ``size``, batch x height x width (see `canvas.placed`);
            None: nobody asked yet
    """

    batch: Tensor
    slot: Tensor
    patch: Tensor
    corner: Tensor
    pres: Tensor
    near: Tensor
    index: Tensor | None = None
    size: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Terms(Struct):
    """The terms of the bound of one frame, in nats, per batch element [B].

    ``log_ratio`` is the importance weight (spec A.8).

    ``log_mask`` is the likelihood of the difference to the empty scene as a second picture (footage only). It is part
    of the objective alone, neither of the bound nor of ``log_ratio``.
    """

    log_like: Tensor
    log_mask: Tensor
    kl_pres: Tensor
    kl_where: Tensor
    kl_what: Tensor
    kl_depth: Tensor
    kl_background: Tensor
    log_ratio: Tensor

    @property
    def kl(self) -> Tensor:
        return self.kl_pres + self.kl_where + self.kl_what + self.kl_depth + self.kl_background

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound of the frames."""
        return self.log_like - self.kl

    @property
    def objective(self) -> Tensor:
        """What is maximised: the bound and, on footage, the agreement of masks, which counts its pixels once more."""
        return self.elbo + self.log_mask

    @staticmethod
    def zeros(batch: int, like: Tensor) -> "Terms":
        zero = like.new_zeros(batch)
        return Terms(zero, zero, zero, zero, zero, zero, zero, zero)

    def __add__(self, other: "Terms") -> "Terms":
        return zip_map(torch.add, self, other)


@dataclass(frozen=True)
class Booked(Struct):
    """Something with ``terms`` of the bound, which are computed when they are asked for: tracking never does."""

    books: Callable[[], Terms]

    @cached_property
    def terms(self) -> Terms:
        """The books, with gradients where they were opened with gradients."""
        return self.books()


def closed() -> Terms:
    """Books of which only the rest of the report is kept."""
    raise RuntimeError("the books of this step are not kept; ask the step that the model gave")


@dataclass(frozen=True)
class Objects(Booked):
    """What propagation and discovery both hand over: the set, its paint, its glimpse masks and what it cost."""

    slots: Slots
    layers: Layers
    tight: Tensor
    """[B, N, 4] left, top, right, bottom of alpha > 0.5 in pixels."""
    nats: Tensor | None = None
    """[B, N] evidence for the objects among themselves, if it is known (tracking)."""


@dataclass(frozen=True)
class Step(Booked):
    """The report of one frame: what people may look at; never fed back.

    slots      the objects carried out of the frame
    tight      [B, N, 4] their tight boxes (left, top, right, bottom, pixels)
    born       [B, N] bool, discovered in this frame
    layers     paint of all objects shown (slot numbers refer to the unpacked set; `origin` maps them)
    origin     [B, N] int64: number of each carried object in the unpacked set
    image      [B, C, H, W] reconstruction; background [B, C, H, W]; alpha [B, 1, H, W]
    total      [B, H, W] sum of importances (what `canvas.visibility` needs)
    terms      the books of the frame
    rejected   [B] number of proposals rejected; proposed [B] number of proposals present before rejection
    """

    slots: Slots
    tight: Tensor
    born: Tensor
    layers: Layers
    origin: Tensor
    image: Tensor
    background: Tensor
    alpha: Tensor
    total: Tensor
    rejected: Tensor
    proposed: Tensor


@dataclass(frozen=True)
class Knobs:
    """Everything that may change between two calls; a pure function of the training step (see `schedule`).

    temperature        of the relaxed presence
    birth              prior presence per cell for new objects
    first_birth        the same until something was born: births are rare, but a first frame is full; None: birth
    stochastic         sample, or take means and 1[p > 0.5] (tracking)
    hard               round presence samples to 0/1 (evaluation, generation)
    detach             cut gradients between frames
    patience           nats against an object's being there that end its track (see `survival`); until then it sleeps
                       where nothing speaks for it; None: the paper's rule, accumulated absence of ``propagate.stop``
    discover_dropout   probability of skipping discovery in a frame that has propagated objects (training only)
    carry              carried objects are there for certain (training: first learn where they went, then whether)
    sighted            frames of a clip in which objects are looked for; the prior alone goes on from there, and the
                       likelihood of the rest teaches it to predict (training); None: all
    births             allow births when imagining
    keep_alive         imagined objects stay while survival is likelier than not, unsampled (spec A.10)
    weigh              also compute importance weights
    alpha_override     foreground alpha is replaced by this constant when not None (background curriculum, spec A.13-8)
    sigma              likelihood std, None: the model's own
    soften             factor on the likelihood std (training: first find what stands out, then what it looks like)
    jitter             before a frame is looked at half of the carried boxes get another size and another shape, by this
                       share of their sides (std), and those of them that have room around them are put aside by as much
                       (training: whoever has lost its size or its place finds it again); meanwhile the prior learns
                       nothing of codes: nothing in the world does so
    jitter_beside      how far those are put aside that have others beside them
    jitter_looks       std by which the looks of these objects are changed as well, and what is known of them
    """

    temperature: float = 0.3
    birth: float = 1e-4
    first_birth: float | None = None
    stochastic: bool = True
    hard: bool = False
    detach: bool = False
    patience: float | None = None
    discover_dropout: float = 0.0
    carry: bool = False
    sighted: int | None = None
    births: bool = False
    keep_alive: bool = False
    weigh: bool = False
    alpha_override: float | None = None
    sigma: float | None = None
    soften: float = 1.0
    jitter: float = 0.0
    jitter_beside: float = 0.0
    jitter_looks: float = 0.0

    @property
    def disturbed(self) -> bool:
        """Carried objects are not as they were."""
        return max(self.jitter, self.jitter_beside, self.jitter_looks) > 0


TRACKING = Knobs(stochastic=False, hard=True, patience=4.0)
"""Deterministic mean mode: tracking twice gives the same numbers."""
