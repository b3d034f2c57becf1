"""A fixed pinhole camera above flat ground. X to the right, Y away from the camera, Z up; metres."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """It hangs at (0, 0, height), looks along Y and down by ``pitch`` radians; ``focal`` is in sides of the view."""

    height: float
    pitch: float
    focal: float

    def axes(self) -> np.ndarray:
        """Right, down and forward of the picture as rows [3, 3] in the world."""
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        return np.array([[1.0, 0.0, 0.0], [0.0, -sin, -cos], [0.0, cos, -sin]])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World [..., 3] to places in the view [..., 2] (0 .. 1 from its top left) and distances along the axis [...].

        Points behind the camera come out at a distance of 0.1 m.
        """
        seen = (points - [0.0, 0.0, self.height]) @ self.axes().T
        depth = np.maximum(seen[..., 2], 0.1)
        return 0.5 + self.focal * seen[..., :2] / depth[..., None], depth

    def ground(self, place: np.ndarray) -> np.ndarray:
        """The ground [..., 2] seen at places of the view [..., 2]; a place at or above the horizon sees 1 km far."""
        ray = np.concatenate([(place - 0.5) / self.focal, np.ones((*place.shape[:-1], 1))], -1) @ self.axes()
        far = self.height / np.maximum(-ray[..., 2], self.height / 1000.0)
        return ray[..., :2] * far[..., None]

    def region(self, margin: float) -> np.ndarray:
        """The rectangle of ground round all that is seen, ``margin`` metres wider: [[x0, y0], [x1, y1]]."""
        corners = self.ground(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        return np.stack([corners.min(0) - margin, corners.max(0) + margin])
