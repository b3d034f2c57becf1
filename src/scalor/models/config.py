"""`ModelConfig`: every size and switch of the world model. Presets (in `scalor.configs`) are functions that fill it."""

import math
from dataclasses import dataclass, field

from scalor.core.geometry import WhereConfig
from scalor.core.jsonable import later
from scalor.core.shade import DARKEST, EVEN
from scalor.nets.pyramid import ConvStyle


@dataclass(frozen=True)
class EncoderConfig:
    """Image encoder: CNN over single frames, then a memory over time.

    widths          channels per halving; the last is the number of features per cell
    refine          the paper's extra 3 x 3 blocks and final 1 x 1
    memory          channels of the ConvLSTM, 0: no memory
    memory_layers   stacked layers (paper: 2)
    memory_stride   1: at the cell grid (paper); 2: at half its resolution (cheaper, wider view)
    mask_widths     the same pyramid for the mask of what is explained (spec A.4), () : proposals do not see the mask
    cell_clip       bound of the numbers in the memory's cells (paper: none), as in `PropagateConfig`
    """

    widths: tuple[int, ...] = (16, 32)
    refine: bool = False
    memory: int = 16
    memory_layers: int = 1
    memory_stride: int = 2
    mask_widths: tuple[int, ...] = (4, 8)
    cell_clip: float = later(math.inf)


@dataclass(frozen=True)
class GlimpseConfig:
    """What encoder and decoder. kind: "light" (``patch`` channels per 4 x 4 patch) or "conv" (the paper's stacks).

    ``context`` adds two channels to what the encoder sees of the frame: what other objects already explain there, and
    where the object's own mask is expected.
    ``foreground`` adds the mask of what stands out of the backdrop: which part of a glimpse is the object need not be
    learned from colours.
    ``alpha_gain`` multiplies the mask logits (above 1 masks become crisp sooner), ``alpha_bias`` is added to them;
    ``level`` is the grey level, 0..1, that objects start with.
    """

    side: int = 16
    kind: str = "light"
    patch: int = 32
    hidden: tuple[int, ...] = (192,)
    what: int = 24
    context: bool = True
    alpha_gain: float = 1.0
    alpha_bias: float = 0.0
    level: float = 0.5
    foreground: bool = later(False)


@dataclass(frozen=True)
class PropagateConfig:
    """Propagation (spec A.3). Every trick of spec A.13 has its number here.

    tracker, dynamics   sizes of the posterior GRU and of the prior LSTM
    window              side of the attention window in cells (paper: half of 8 x 8); 0: the whole frame (ablation)
    residual            1.0: what, depth and velocity are predicted as changes; 0.0: absolutely (paper)
    position            tell the networks the absolute position (where things come from; tied to the frame's size)
    update              "precision": the posterior of every site is the prior times what is seen, each number by its
                        precision, so that an object of which nothing is seen follows the prior, and looks are kept;
                        "gated": the paper's, looks mixed by two gates, all else read anew
    slow                largest std, per frame, of the prior of size, looks and depth: things hardly change (paper: inf)
    habit               frames over which an object's size, looks and depth are averaged to what the prior expects of it
                        (of its velocity at most ``pace``); 1: the last ones, so that sampled futures walk at random
    pace                frames over which the velocity is averaged to what is expected of it
    steady              size, looks and depth are expected to stay what they were: the prior's network says how far they
                        may change and nothing else, so that in futures they do not drift; False: it says where to, too
    constant_velocity   velocity is expected to stay what it was: the prior's network says how far it may change alone
    slack               std, per frame, by which boxes are expected to lie beside their objects where somebody looks,
                        in ``where.size`` and, of sizes in the middle of their range, in shares; 0: none. Without it the
                        prior's std falls to nothing where things hardly move, and what is seen moves no box
    cell_clip           bound of the numbers in the cell of the prior's LSTM (paper: none): a cell that adds up in every
                        frame holds in the hundredth what no clip has shown
    presence_bias, survival_bias, where_shift   +2, +5, -2 in the paper
    stop                accumulated absence that ends a track
    leave               how far a centre may lie outside the view, in sizes of its box, but at least 2.5 % of the view
                        (paper); 0.5: objects can leave altogether
    reflect             a centre that lies ``leave`` times ``where.size`` outside (inside the view, if that is negative)
                        turns round instead of stopping: for made clips whose objects do
    neighbors           so many nearest others tell the prior where they are and how they move; 0: none (paper)
    """

    tracker: int = 96
    dynamics: int = 64
    attended: int = 96
    window: int = 4
    residual: float = 1.0
    position: bool = True
    update: str = "precision"
    slow: float = 0.1
    habit: int = 1
    presence_bias: float = 0.0
    survival_bias: float = 5.0
    where_shift: float = -2.0
    stop: float = 0.6
    leave: float = 0.0
    reflect: bool = False
    legacy_what_std: bool = False
    neighbors: int = later(0)
    pace: int = later(3)
    steady: bool = later(False)
    slack: float = later(0.0)
    constant_velocity: bool = later(False)
    cell_clip: float = later(math.inf)


@dataclass(frozen=True)
class DiscoverConfig:
    """Discovery and rejection (spec A.4, C.7).

    overlap          share of a proposal's mask under propagated masks that rejects it; inf: no rejection (ablation)
    twin_iou         tight-box IoU at which the weaker of two proposals is rejected; inf: off (paper)
    twin_inside      the same for intersection over the smaller box
    twin_tint        both hold only for objects whose mean colours differ by less than this: so that
                     neighbours of other looks stay
    twin_certain     tight-box IoU at which colours do not matter
    twin_box         IoU of whole boxes (not of what is seen in them) at which a proposal gives way to a stronger one or
                     to any propagated object, whatever their looks: one object per place; inf: off
    keep             presence a proposal needs to be carried (0.7)
    proposals        most proposals decoded per frame and 64 cells of the grid, taken by presence
    slots            cap on carried objects, 0: no cap
    ring             rings of cells around the view that propose too: objects that enter are mostly outside
    presence_bias    added to the logit before the bound; 0 in the paper
    evidence         with a backdrop: nats by which what stands out around a cell raises that logit, and nothing
                     lowers it
    """

    overlap: float = 0.85
    twin_iou: float = 0.55
    twin_inside: float = 0.65
    twin_tint: float = 0.3
    twin_certain: float = 0.85
    twin_box: float = math.inf
    keep: float = 0.7
    proposals: int = 12
    slots: int = 0
    ring: int = 1
    presence_bias: float = -2.0
    evidence: float = 0.0


@dataclass(frozen=True)
class MergeConfig:
    """End of doubles: two tracks of one colour overlap by ``iou`` for ``frames`` frames, and the younger ends.

    ``tint``: largest difference of their mean colours, as in `DiscoverConfig`.
    """

    iou: float = 0.6
    frames: int = 3
    tint: float = 0.2


@dataclass(frozen=True)
class BackgroundConfig:
    """family: none | encoder (paper) | mixture | lattice | fixed | per_video | median.

    ``code``, ``hidden``: numbers of the code and of its memory, per frame or per square of the lattice;
    ``lattice``: side of these squares in pixels (4, 8, 16 or 32), at least twice the objects' or it may paint them;
    ``prevail``: what most of each of these squares shows is a backdrop for the networks that look at a frame: they see
    what differs from it, as with a median image, and what stands out of it (see `RenderConfig`);
    ``components``: pictures of a mixture, each with a code of its own;
    ``residual``: median plus what the encoder adds.

    ``shade``: where a frame is the median image, only darker, the background is darker: shadows are no objects;
    what leaves less than the share ``darkest`` of its brightness is no shadow; ``tint``: how much of each channel's
    light a shadow takes, beside the mean of the three.
    """

    family: str = "none"
    code: int = 10
    hidden: int = 32
    videos: int = 1
    residual: bool = False
    shade: bool = False
    width: int = 32
    lattice: int = 16
    prevail: bool = later(False)
    components: int = later(1)
    darkest: float = later(DARKEST)
    tint: tuple[float, float, float] = later(EVEN)


@dataclass(frozen=True)
class RenderConfig:
    """Composition and likelihood. convex=False is the official sum-and-clamp.

    depth   "sigmoid": importance sg(-depth) (paper); "exp": exp(-sharpness * depth)
    sigma   std of the Gaussian likelihood
    stand_out, stand_out_sigma
            with a backdrop: where the frame differs from it by ``stand_out`` the mask of what moves is 1; alpha must
            agree with that mask up to a Gaussian of this std (inf: off)
    mask    alpha above which a pixel belongs to the object when tight boxes are taken
    """

    convex: bool = True
    depth: str = "exp"
    sharpness: float = 5.0
    sigma: float = 0.2
    stand_out: float = 0.1
    stand_out_sigma: float = math.inf
    mask: float = 0.5


@dataclass(frozen=True)
class ModelConfig:
    """A whole world model.

    channels          of the frames (1 or 3)
    cell              side of a grid cell in pixels
    posterior_shift   added before the softplus of posterior stds: how little noise codes carry at the start (paper: 0)
    confidence        offset and slope of the confidence that an object is there, sigmoid(offset + slope log(1 + nats)),
                      given the nats of a frame that it explains; fitted where clips have truth
    presence_slope    slope of presence logits at 0 under their bound of 8.8 (official code: 8.8, see `sites.bound`)
    """

    channels: int = 3
    cell: int = 4
    posterior_shift: float = -2.0
    presence_slope: float = 1.0
    confidence: tuple[float, float] = (-1.5, 0.9)
    style: ConvStyle = field(default_factory=ConvStyle)
    where: WhereConfig = field(default_factory=WhereConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    glimpse: GlimpseConfig = field(default_factory=GlimpseConfig)
    propagate: PropagateConfig = field(default_factory=PropagateConfig)
    discover: DiscoverConfig = field(default_factory=DiscoverConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    render: RenderConfig = field(default_factory=RenderConfig)

    @property
    def side(self) -> None:
        """Frames may have any size in whole cells."""

    @property
    def sigma(self) -> float:
        """Std of the likelihood."""
        return self.render.sigma

    @property
    def needs_backdrop(self) -> bool:
        """The clips' median images are the background."""
        return self.background.family == "median"

    @property
    def glances(self) -> bool:
        """A frame's prevailing colours are its backdrop for networks that look, where no clip's median image is."""
        return self.background.family == "lattice" and self.background.prevail

    @property
    def videos(self) -> int:
        """How many videos have a background of their own."""
        return self.background.videos

    @property
    def largest(self) -> tuple[float, float]:
        """Width and height of the largest box, pixels."""
        return self.where.largest
