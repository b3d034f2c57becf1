"""What the paper prints: Jiang, Janghorbani, de Melo, Ahn, "SCALOR", ICLR 2020, Tables 1 and 2, copied as printed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tracking:
    """A row of Table 1, as shares: MOTA, precision, recall, and the relative count error."""

    mota: float
    precision: float
    recall: float
    count_mae: float


@dataclass(frozen=True)
class Density:
    """A cell of Table 2: negative log-likelihood in nats per pixel, squared error per pixel and channel."""

    nll: float
    mse: float


TABLE1: dict[str, dict[str, Tracking]] = {
    "scalor": {
        "sprites-vhd": Tracking(0.846, 0.968, 0.881, 0.091),
        "sprites-hd": Tracking(0.928, 0.976, 0.954, 0.033),
        "sprites-md": Tracking(0.935, 0.978, 0.959, 0.041),
        "sprites-ld": Tracking(0.925, 0.979, 0.949, 0.059),
        "sprites-vld": Tracking(0.938, 0.963, 0.989, 0.067),
        "digits-md": Tracking(0.869, 0.990, 0.879, 0.113),
        "digits-ld": Tracking(0.859, 0.990, 0.871, 0.124),
        "digits-vld": Tracking(0.948, 0.977, 0.988, 0.040),
        "sprites-bg": Tracking(0.919, 0.972, 0.953, 0.034),
        "sprites-lg": Tracking(0.923, 0.970, 0.957, 0.032),
    },
    "sqair": {
        "sprites-ld": Tracking(0.202, 0.976, 0.641, 0.335),
        "sprites-vld": Tracking(0.725, 0.984, 0.754, 0.239),
        "digits-vld": Tracking(0.785, 0.999, 0.788, 0.214),
    },
}
"""Table 1: model -> row -> scores. Rows bear the names of our data."""

TABLE2: dict[str, dict[str, Density]] = {
    "scalor": {
        "sprites-vld": Density(22.16, 0.0010),
        "sprites-ld": Density(22.41, 0.0030),
        "sprites-md": Density(22.56, 0.0024),
        "sprites-hd": Density(22.88, 0.0015),
        "digits-vld": Density(7.45, 0.0029),
        "digits-ld": Density(7.54, 0.0026),
        "digits-md": Density(7.82, 0.0010),
    },
    "vrnn": {
        "sprites-vld": Density(22.33, 0.0018),
        "sprites-ld": Density(22.80, 0.0071),
        "sprites-md": Density(23.28, 0.0105),
        "sprites-hd": Density(23.30, 0.0190),
        "digits-vld": Density(7.62, 0.0022),
        "digits-ld": Density(7.70, 0.0054),
        "digits-md": Density(7.71, 0.0035),
    },
    "sqair": {
        "sprites-vld": Density(22.63, 0.0135),
        "sprites-ld": Density(40.50, 0.0918),
        "digits-vld": Density(7.75, 0.0084),
    },
}
"""Table 2: model -> row -> numbers."""

NATURAL = {"scalor": 28.30, "vrnn": 27.79, "vae": 27.59}
"""Section 5.2: negative log-likelihood of Grand Central Station in the same units."""

LARGER_IS_BETTER = {
    "mota": True,
    "precision": True,
    "recall": True,
    "count_mae": False,
    "nll": False,
    "mse": False,
}
