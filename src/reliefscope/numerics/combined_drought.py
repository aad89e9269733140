"""The Combined Drought Indicator: a drought followed from the rain through the soil to the plants.

Two schemes:

* the original one, in which each step stands for itself and last month's rain
  (Sepulcre-Canto et al. 2012, doi:10.5194/nhess-12-3519-2012);
* the revised one, in which the stage of the step before is remembered, and soil or plants may be
  better for a while without the drought being over (Cammalleri et al. 2021,
  doi:10.5194/nhess-21-481-2021). Its transitions, with the levels of a temporary recovery and how
  long one may last, are those of version 4 of the operational indicator of the European Drought
  Observatory, as published implementations state them; they were not compared with its maps.
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
BETTER, WELL = -0.5, 0.0
"""Anomalies after a deficit: below the first nothing is better yet, above the second it is over."""
PATIENCE_DEKADS = 4
"""A deficit that is neither there nor over for longer than this counts as over."""
WET_SPI_3, WET_SPI_1 = 0.0, 0.5
"""Where both indices are above, dry soil without a drought before is not taken for one."""

NOT_OBSERVED = 255
_NO_RAIN, _NO_SOIL, _NO_PLANTS = 1, 2, 4
_WATCH, _WARNING, _ALERT, _RECOVERY, _SOIL_RECOVERY, _VEGETATION_RECOVERY = 1, 2, 3, 4, 5, 6
"""Codes of `Stage` for compiled code."""


class Scheme(IntEnum):
    """Which transitions decide."""

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
        Which transitions decide.
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
    if scheme is Scheme.REVISED:
        patience = max(round(PATIENCE_DEKADS * month / 3), 1)
        _follow(long, short, ground, green, patience, stage, missing)
    else:
        _look_up(long, short, ground, green, lookup(ORIGINAL), month, stage, missing)
    return Combined(stage.reshape(shape), missing.reshape(shape))


def lookup(rows: Sequence[Row]) -> Bytes:
    """Return the stage for every case: (rain before, rain, soil, plants)."""
    table = np.full((2, 2, 2, 2), NOT_OBSERVED, dtype=np.uint8)
    for flags in product((False, True), repeat=4):
        fitting = next(row for row in rows if _fits(row, flags))
        table[tuple(map(int, flags))] = fitting.stage
    return table


def _fits(row: Row, flags: Sequence[bool]) -> bool:
    asked = (row.rain_before, row.rain, row.soil, row.plants)
    return all(a is None or a == flag for a, flag in zip(asked, flags, strict=True))


@numba.njit(cache=True, nogil=True)
def _look_up(
    spi_3: NDArray[np.float32],
    spi_1: NDArray[np.float32],
    soil: NDArray[np.float32],
    plants: NDArray[np.float32],
    table: Bytes,
    month: int,
    stage: Bytes,
    missing: Bytes,
) -> None:
    """Fill stages of the original scheme, in which each step stands for itself."""
    cells, steps = spi_3.shape
    for cell in range(cells):
        for i in range(steps):
            lacks = _lacking(soil[cell, i], plants[cell, i])
            rain = _rain(spi_3[cell, i], spi_1[cell, i])
            if rain < 0:
                stage[cell, i], missing[cell, i] = NOT_OBSERVED, lacks | _NO_RAIN
                continue
            ago = _rain(spi_3[cell, i - month], spi_1[cell, i - month]) if i >= month else 0
            dry = 1 if soil[cell, i] < DRY_SOIL else 0
            poor = 1 if plants[cell, i] < POOR_PLANTS else 0
            stage[cell, i], missing[cell, i] = table[max(ago, 0), rain, dry, poor], lacks


@numba.njit(cache=True, nogil=True)
def _follow(
    spi_3: NDArray[np.float32],
    spi_1: NDArray[np.float32],
    soil: NDArray[np.float32],
    plants: NDArray[np.float32],
    patience: int,
    stage: Bytes,
    missing: Bytes,
) -> None:
    """Fill stages of the revised scheme, in which the stage before is remembered."""
    cells, steps = spi_3.shape
    for cell in range(cells):
        before, waited = 0, 0
        ground, green = np.inf, np.inf
        for i in range(steps):
            lacks = _lacking(soil[cell, i], plants[cell, i])
            ground = ground if lacks & _NO_SOIL else soil[cell, i]
            green = green if lacks & _NO_PLANTS else plants[cell, i]
            rain = _rain(spi_3[cell, i], spi_1[cell, i])
            if rain < 0:
                stage[cell, i], missing[cell, i] = NOT_OBSERVED, lacks | _NO_RAIN
                before, waited, ground, green = 0, 0, np.inf, np.inf
                continue
            wet = spi_3[cell, i] > WET_SPI_3 and spi_1[cell, i] > WET_SPI_1
            now = _after(before, rain == 1, wet, ground, green, waited <= patience)
            kept = now in (_WARNING, _SOIL_RECOVERY) and not ground < DRY_SOIL
            kept = kept or (now in (_ALERT, _VEGETATION_RECOVERY) and not green < POOR_PLANTS)
            waited = waited + 1 if kept else 0
            stage[cell, i], missing[cell, i] = now, lacks
            before = now


@numba.njit(cache=True)
def _after(
    before: int,
    rain: bool,  # noqa: FBT001 - as above
    wet: bool,  # noqa: FBT001 - as above
    soil: float,
    plants: float,
    patient: bool,  # noqa: FBT001 - as above
) -> int:
    """Return the stage that follows ``before``."""
    calm = before in (0, _RECOVERY)
    dry = soil < DRY_SOIL
    if plants < POOR_PLANTS:
        return _ALERT if rain or dry or not calm else 0
    if before in (_ALERT, _VEGETATION_RECOVERY) and plants <= WELL and patient:
        return _ALERT if plants <= BETTER else _VEGETATION_RECOVERY
    if dry:
        return 0 if calm and not rain and wet else _WARNING
    if before in (_WARNING, _SOIL_RECOVERY) and soil <= WELL and patient:
        return _WARNING if soil <= BETTER else _SOIL_RECOVERY
    if rain:
        return _WATCH
    return 0 if calm else _RECOVERY


@numba.njit(cache=True)
def _lacking(soil: float, plants: float) -> int:
    lacks = _NO_SOIL if np.isnan(soil) else 0
    return lacks | _NO_PLANTS if np.isnan(plants) else lacks


@numba.njit(cache=True)
def _rain(spi_3: float, spi_1: float) -> int:
    """Return 1 where rain is missing, 0 where not, -1 where that cannot be told."""
    if spi_3 < DRY_SPI_3 or spi_1 < DRY_SPI_1:
        return 1
    return -1 if np.isnan(spi_3) or np.isnan(spi_1) else 0
