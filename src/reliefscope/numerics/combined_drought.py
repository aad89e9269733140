"""The Combined Drought Indicator: a drought followed from the rain through the soil to the plants.

Two tables, read from the top, the first row that fits decides:

* the original one, in which each step stands for itself and last month's rain
  (Sepulcre-Canto et al. 2012, doi:10.5194/nhess-12-3519-2012);
* the revised one, in which the stage of the step before is remembered, and soil or plants may be
  better for a while without the drought being over (Cammalleri et al. 2021,
  doi:10.5194/nhess-21-481-2021). The stages are theirs; which weather leads from one to the next
  is our reading of how they are defined, not a copy of the operational code, and may differ from
  the maps of the European Drought Observatory in single steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bytes = NDArray[np.uint8]

DRY_SPI_3, DRY_SPI_1 = -1.0, -2.0
"""Rain is missing where the index of three months, or of one, is below."""
DRY_SOIL, POOR_PLANTS = -1.0, -1.0
"""Anomalies below are a deficit [standard deviation]."""

NOT_OBSERVED = 255
_NO_RAIN, _NO_SOIL, _NO_PLANTS = 1, 2, 4


class Scheme(IntEnum):
    """Which table decides."""

    ORIGINAL = 1
    REVISED = 2


class Stage(IntEnum):
    """Stage of a drought; 0 to 6 as the European Drought Observatory numbers them."""

    NONE = 0
    WATCH = 1
    WARNING = 2
    ALERT = 3
    RECOVERY = 4
    SOIL_RECOVERY = 5
    VEGETATION_RECOVERY = 6
    PARTIAL_RECOVERY = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule. What is None may be either."""

    before: frozenset[Stage] | None = None
    """Stage of the step before."""
    rain_before: bool | None = None
    """Whether rain was missing a month ago."""
    rain: bool | None = None
    """Whether rain is missing."""
    soil: bool | None = None
    """Whether the soil is too dry."""
    plants: bool | None = None
    """Whether plants absorb too little light."""
    stage: Stage


ORIGINAL: Sequence[Row] = (
    Row(rain=True, plants=True, stage=Stage.ALERT),
    Row(rain=True, soil=True, stage=Stage.WARNING),
    Row(rain=True, stage=Stage.WATCH),
    Row(rain=False, rain_before=True, plants=True, stage=Stage.PARTIAL_RECOVERY),
    Row(rain=False, rain_before=True, plants=False, stage=Stage.RECOVERY),
    Row(stage=Stage.NONE),
)
"""Sepulcre-Canto et al. (2012)."""

_ALERTED = frozenset({Stage.ALERT, Stage.VEGETATION_RECOVERY})
_WARNED = frozenset({Stage.WARNING, Stage.SOIL_RECOVERY})
_OPEN = _ALERTED | _WARNED | {Stage.WATCH}
"""Stages of a drought that is not over."""

REVISED: Sequence[Row] = (
    Row(rain=True, plants=True, stage=Stage.ALERT),
    Row(before=_OPEN, plants=True, stage=Stage.ALERT),
    Row(before=_ALERTED, rain=True, stage=Stage.VEGETATION_RECOVERY),
    Row(before=_ALERTED, soil=True, stage=Stage.VEGETATION_RECOVERY),
    Row(rain=True, soil=True, stage=Stage.WARNING),
    Row(before=_OPEN, soil=True, stage=Stage.WARNING),
    Row(before=_WARNED, rain=True, stage=Stage.SOIL_RECOVERY),
    Row(rain=True, stage=Stage.WATCH),
    Row(before=_OPEN, stage=Stage.RECOVERY),
    Row(stage=Stage.NONE),
)
"""After Cammalleri et al. (2021), as read here."""


class Combined(NamedTuple):
    """Stages and what they had to do without, each array as the inputs."""

    stage: Bytes
    """`Stage`, 255 where nothing can be said of the rain."""
    missing: Bytes
    """Bits: 1 rain, 2 soil, 4 plants."""


def combined_drought(
    spi_3: Floats,
    spi_1: Floats,
    soil: Floats,
    plants: Floats,
    *,
    scheme: Scheme = Scheme.REVISED,
    month: int = 1,
) -> Combined:
    """Return the stage of the drought at each step.

    Without the rain nothing is stated, and the memory of what was before ends. Where only the soil
    or the plants are missing, they are taken to be as they were when last seen, normal if never,
    and the bits say so.

    Parameters
    ----------
    spi_3, spi_1 : array, (..., time)
        Standardised precipitation index of three months and of one.
    soil, plants : array, (..., time)
        Standardised anomalies of soil moisture and of the absorbed radiation.
    scheme : Scheme
        Which table decides.
    month : int
        Steps in a month: 1, or 3 of ten days.

    Returns
    -------
    Combined
        Arrays (..., time).
    """
    shape = spi_3.shape
    long, short, ground, green = (
        np.ascontiguousarray(a, dtype=np.float32).reshape(-1, shape[-1])
        for a in (spi_3, spi_1, soil, plants)
    )
    stage, missing = np.empty(long.shape, np.uint8), np.zeros(long.shape, np.uint8)
    revised = scheme is Scheme.REVISED
    table = lookup(REVISED if revised else ORIGINAL)
    _follow(long, short, ground, green, table, revised, month, stage, missing)
    return Combined(stage.reshape(shape), missing.reshape(shape))


def lookup(rows: Sequence[Row]) -> Bytes:
    """Return the stage for every case: (stage before, rain before, rain, soil, plants)."""
    table = np.full((len(Stage), 2, 2, 2, 2), NOT_OBSERVED, dtype=np.uint8)
    for before in Stage:
        for flags in product((False, True), repeat=4):
            fitting = next(row for row in rows if _fits(row, before, flags))
            table[(int(before), *map(int, flags))] = fitting.stage
    return table


def _fits(row: Row, before: Stage, flags: Sequence[bool]) -> bool:
    asked = (row.rain_before, row.rain, row.soil, row.plants)
    if row.before is not None and before not in row.before:
        return False
    return all(a is None or a == flag for a, flag in zip(asked, flags, strict=True))


@numba.njit(cache=True, nogil=True)
def _follow(  # noqa: PLR0913, PLR0917 - compiled code takes arrays, not objects
    spi_3: NDArray[np.float32],
    spi_1: NDArray[np.float32],
    soil: NDArray[np.float32],
    plants: NDArray[np.float32],
    table: Bytes,
    remembers: bool,  # noqa: FBT001 - as above
    month: int,
    stage: Bytes,
    missing: Bytes,
) -> None:
    cells, steps = spi_3.shape
    for cell in range(cells):
        before, dry, poor = 0, 0, 0
        for i in range(steps):
            lacks = 0
            if not np.isnan(soil[cell, i]):
                dry = 1 if soil[cell, i] < DRY_SOIL else 0
            else:
                lacks |= _NO_SOIL
                dry = dry if remembers else 0
            if not np.isnan(plants[cell, i]):
                poor = 1 if plants[cell, i] < POOR_PLANTS else 0
            else:
                lacks |= _NO_PLANTS
                poor = poor if remembers else 0
            rain = _rain(spi_3[cell, i], spi_1[cell, i])
            if rain < 0:
                stage[cell, i] = NOT_OBSERVED
                missing[cell, i] = lacks | _NO_RAIN
                before, dry, poor = 0, 0, 0
                continue
            ago = _rain(spi_3[cell, i - month], spi_1[cell, i - month]) if i >= month else 0
            now = table[before, max(ago, 0), rain, dry, poor]
            stage[cell, i] = now
            missing[cell, i] = lacks
            before = now if remembers else 0


@numba.njit(cache=True)
def _rain(spi_3: float, spi_1: float) -> int:
    """Return 1 where rain is missing, 0 where not, -1 where that cannot be told."""
    if spi_3 < DRY_SPI_3 or spi_1 < DRY_SPI_1:
        return 1
    return -1 if np.isnan(spi_3) or np.isnan(spi_1) else 0
