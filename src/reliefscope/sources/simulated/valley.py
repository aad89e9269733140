"""The course of the exercise's valley and of the river that winds in it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliefscope.sources.simulated.noise import stream

PIXEL_M = 10.0
"""Size of a pixel of the world [m]."""
GRADIENT = 6e-4
"""Fall of the plain down the valley [1]."""
BASE_M = 40.0
"""Height of the plain in the middle of the world [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Lengths of a world of one size [m], so that small worlds still hold a valley."""

    side: float
    plain: float
    """Half the width of the flood plain."""
    river: float
    """Half the width of the river."""
    relief: float
    """Height of the hills."""
    coarse: int
    """Pixels a side of the cells on which hills are carved."""


def scale_of(size: int) -> Scale:
    """Return the lengths of a world of ``size`` pixels a side."""
    side = size * PIXEL_M
    cells = min(max(size / 4, 256), 640)
    return Scale(
        side=side,
        plain=min(max(0.055 * side, 190.0), 1800.0),
        river=min(max(0.0034 * side, 18.0), 150.0),
        relief=min(max(0.021 * side, 70.0), 420.0),
        coarse=max(1, round(size / cells)),
    )


class Valley:
    """The course of the valley: a gently bent axis with a width that comes and goes."""

    def __init__(self, scale: Scale, seed: int) -> None:
        rng = stream(seed, "valley")
        self.scale = scale
        self.heading = rng.uniform(0, 2 * math.pi)
        self.bends = [
            (rng.uniform(0.5, 1) * a * scale.side, w * scale.side, rng.uniform(0, 2 * math.pi))
            for a, w in ((0.055, 1.1), (0.03, 0.6), (0.012, 0.28))
        ]
        self.waists = [
            (0.45, 0.62 * scale.side, rng.uniform(0, 2 * math.pi)),
            (0.22, 0.21 * scale.side, rng.uniform(0, 2 * math.pi)),
        ]
        self.shift = rng.uniform(-0.1, 0.1) * scale.side

    def axis(self, along: NDArray[Any] | float) -> NDArray[Any]:
        """Return how far the axis lies aside at each distance down the valley [m]."""
        return np.asarray(self.shift) + sum(
            a * np.sin(2 * math.pi * along / w + p) for a, w, p in self.bends
        )

    def half_width(self, along: NDArray[Any] | float) -> NDArray[Any]:
        """Return half the width of the plain [m]."""
        swell = 1 + sum(a * np.sin(2 * math.pi * along / w + p) for a, w, p in self.waists)
        return np.asarray(self.scale.plain * np.maximum(swell, 0.38))

    def coordinates(
        self, x: NDArray[Any], y: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the distance down the valley and off its axis [m]."""
        c, s = np.float32(math.cos(self.heading)), np.float32(math.sin(self.heading))
        x, y = x - np.float32(self.scale.side / 2), y - np.float32(self.scale.side / 2)
        along = x * c + y * s
        off = y * c - x * s - self.axis(along)
        return np.asarray(along, np.float32), np.asarray(off, np.float32)

    def river(self, seed: int, era: str = "today") -> NDArray[np.float64]:
        """Return the winding river of one era as points 4 m apart, (point, [y, x]) [m].

        A sine-generated curve (Langbein & Leopold 1966, USGS Professional Paper 422-H) whose
        wavelength and winding change on the way, held to the plain.
        """
        rng = stream(seed, "river", era)
        step, wave = 4.0, 24 * self.scale.river
        count = int(4.5 * self.scale.side / step)
        knots = max(int(count * step / (1.5 * wave)), 4)
        t = np.linspace(0, knots - 1, count)
        winding = np.interp(t, np.arange(knots), rng.uniform(0.45, 1.7, knots))
        pace = np.interp(t, np.arange(knots), rng.uniform(0.75, 1.5, knots))
        phase = np.cumsum(pace) * step * 2 * math.pi / wave
        along, off = -0.8 * self.scale.side, 0.0
        points = np.empty((count, 2))
        for i in range(count):
            span = float(self.half_width(along))
            lean = math.atan(float(self.axis(along + 50) - self.axis(along - 50)) / 100)
            room = max(0.25, min(1.0, span / (4.5 * self.scale.river * 2)))
            turn = winding[i] * room * math.sin(phase[i]) - 0.9 * math.atan(2 * off / span)
            along += step * math.cos(lean + turn)
            aside = step * math.sin(lean + turn) - step * math.cos(lean + turn) * math.tan(lean)
            off += aside
            points[i] = along, off + float(self.axis(along))
        c, s = math.cos(self.heading), math.sin(self.heading)
        half = self.scale.side / 2
        xy = np.stack(
            [
                points[:, 0] * s + points[:, 1] * c + half,
                points[:, 0] * c - points[:, 1] * s + half,
            ],
            axis=1,
        )
        inside = np.all((xy > -half / 2) & (xy < 2.5 * half), axis=1)
        return xy[inside]
