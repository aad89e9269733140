"""The numbers of any area within a published product, counted on the rasters of its package."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, Exclusion, State
from reliefscope.model.grid import cell_area_m2
from reliefscope.numerics import zonal
from reliefscope.products.assets import Assets
from reliefscope.products.exposure import Exposure, Kind, Tally, kinds
from reliefscope.products.facts import Fact, Facts, counted
from reliefscope.products.layers import GRADINGS, covered, outline
from reliefscope.products.opened import kept_open
from reliefscope.products.provenance import granules_in

NAME = "zone"
"""Key of the head that says which area the numbers belong to."""
_ROWS = 1024
_CODES, _REASONS = 256, 1 << len(Exclusion)
_PER_UNIT: Mapping[str, str] = {
    "area_km2": "area_km2",
    "event_area_km2": "event_km2",
    "no_event_area_km2": "no_event_km2",
    "reference_area_km2": "reference_km2",
    "excluded_area_km2": "excluded_km2",
    "not_observed_area_km2": "not_observed_km2",
    "population_total": "population",
    "exposed_population": "exposed",
    "population_cannot_tell": "cannot_tell",
    "population_no_event": "population_no_event",
    "population_reference": "population_reference",
    "population_excluded": "population_excluded",
    "population_not_observed": "population_not_observed",
    "population_upper_bound": "upper_bound",
}
"""Facts of a unit, and the columns of the table of units that hold them."""
_ENDS = {
    "event_area_km2": ("event_low_km2", "event_high_km2"),
    "exposed_population": ("exposed_low", "exposed_high"),
}


def zone_facts(folder: Path, geometry: BaseGeometry, *, name: str = "area") -> Facts:
    """Count areas and people where ``geometry`` meets the event's area.

    Parameters
    ----------
    folder : Path
        A published package.
    geometry : shapely geometry
        Polygons in EPSG:4326.
    name : str
        What the area is called in the answer.

    Returns
    -------
    Facts
        Under the same keys as in ``facts.json``: all areas, and people where the package has
        ``people.tif``. An area without a pixel's centre counts every pixel it touches.

    Raises
    ------
    InputError
        The geometry holds no polygon, or does not meet the product.
    """
    stated = _stated(folder, (folder / "provenance.json").stat().st_mtime_ns)
    told, whole = stated.facts, stated.whole
    counter = _counted(folder, stated.grid, Area.from_geometry(geometry, name=name), whole)
    exposure, ranged = counter.exposure()
    if exposure.whole.km2("total") == 0:
        raise InputError(
            f"{name!r} does not meet the area of this product; its bounds are "
            f"{[round(v, 3) for v in whole.bbox]} (west, south, east, north)"
        )
    source = told.get("population_source")
    population = str(source.value) if source and source.value else "population"
    facts = list(counted(exposure, stated.granules, population, counter.grading))
    if not ranged:
        facts = [replace(fact, low=None, high=None) for fact in facts]
    return _answer(told, facts, name)


@dataclass(frozen=True, slots=True)
class _Stated:
    """What the documents of a package say that every count of it needs."""

    facts: Facts
    grid: GeoBox
    whole: Area
    granules: tuple[str, ...]


@lru_cache(maxsize=16)
def _stated(folder: Path, _changed: int) -> _Stated:
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    grid, event = record["grid"], record["event"]["area"]
    return _Stated(
        facts=Facts.from_json((folder / "facts.json").read_text(encoding="utf-8")),
        grid=GeoBox(tuple(grid["shape"]), Affine(*grid["transform"]), grid["crs"]),
        whole=Area(geometry=shape(event["geometry"]), name=event["name"]),
        granules=tuple(g["id"] for group in granules_in(record).values() for g in group),
    )


def unit_facts(folder: Path, pcode: str) -> Facts:
    """Return the numbers of an admin unit as the package states them.

    Raises
    ------
    InputError
        The product has no such unit.
    """
    told = Facts.from_json((folder / "facts.json").read_text(encoding="utf-8"))
    rows = [row for row in told.admin if pcode and row["pcode"] == pcode]
    if not rows:
        raise InputError(f"no admin unit {pcode!r} in this product; its table lists the codes")
    row = rows[0]
    facts = [
        replace(told[key], value=row[column], low=None, high=None, layer="facts.json, admin")
        for key, column in _PER_UNIT.items()
        if key in told
    ]
    facts = [
        replace(f, low=row[_ENDS[f.key][0]], high=row[_ENDS[f.key][1]])
        if f.key in _ENDS and told[f.key].low is not None
        else f
        for f in facts
    ]
    area = float(row["area_km2"])
    seen = (("observed_fraction", area - float(row["not_observed_km2"])),
            ("excluded_fraction", float(row["excluded_km2"])))  # fmt: skip
    facts += [
        replace(told[key], value=part / area, layer="facts.json, admin")
        for key, part in seen
        if key in told and area
    ]
    return _answer(told, facts, str(row["name"]))


def table(facts: Facts) -> pd.DataFrame:
    """Return the facts of an area as a table: one row per fact, each with its product."""
    rows = [
        {
            "area": facts.head.get(NAME, ""),
            "fact": f.key,
            "value": f.value,
            "low": f.low,
            "high": f.high,
            "unit": f.unit,
            "method": f.method,
            "product_id": facts.head.get("product_id", ""),
            "exercise": facts.head.get("exercise", ""),
        }
        for f in facts.values()
    ]
    return pd.DataFrame(rows)


def _answer(told: Facts, facts: list[Fact], name: str) -> Facts:
    """Return facts in the order of the package, with what of it holds for any area."""
    kept = {f.key: f for f in facts}
    kept |= {
        key: told[key]
        for key in ("image_acquired", "hours_after_onset", "advisory", "population_source")
        if key in told
    }
    return Facts(kept, (), {**told.head, NAME: name})


def _window(zone: Area, grid: GeoBox) -> tuple[slice, slice]:
    """Return the rows and columns around the area, at most those of the grid.

    Raises
    ------
    InputError
        The area lies elsewhere.
    """
    west, south, east, north = outline(zone, str(grid.crs)).bounds
    corners = [~grid.affine * xy for xy in ((west, north), (east, south), (west, south),
                                            (east, north))]  # fmt: skip
    if not all(math.isfinite(v) for corner in corners for v in corner):
        raise InputError(f"{zone.name!r} lies where the product's projection does not reach")
    spans = []
    for axis, size in ((1, grid.shape[0]), (0, grid.shape[1])):
        places = [corner[axis] for corner in corners]
        first, last = max(math.floor(min(places)) - 1, 0), min(math.ceil(max(places)) + 1, size)
        if first >= last:
            raise InputError(f"{zone.name!r} does not meet the area of this product")
        spans.append(slice(first, last))
    return spans[0], spans[1]


def _counted(folder: Path, grid: GeoBox, zone: Area, whole: Area) -> "_Count":
    """Count by the pixels' centres; by the pixels touched where there is no centre."""
    lines, columns = _window(zone, grid)
    for touched in (False, True):
        counter = _Count(folder)
        for first in range(lines.start, lines.stop, _ROWS):
            rows = slice(first, min(first + _ROWS, lines.stop))
            part = grid[rows, columns]
            mask = covered(zone, part, touched=touched)
            if mask.any():
                counter.add(rows, columns, mask & covered(whole, part), part)
        if counter.pixels:
            break
    return counter


class _Count:
    """Running sums over blocks of rows of the rasters of a package."""

    def __init__(self, folder: Path) -> None:
        self._paths = {p.stem: p for p in sorted(folder.glob("*.tif")) if not p.is_symlink()}
        self.grading = next((n for n in GRADINGS if n in self._paths), "")
        self._area = np.zeros((1, len(Kind)))
        self._people = np.zeros((1, len(Kind))) if "people" in self._paths else None
        self._reasons = np.zeros((1, _REASONS))
        self._classes = (np.zeros((1, _CODES)), np.zeros((1, _CODES)))
        self.pixels, self._uncounted = 0, 0
        self._likely, self._any, self._stated = False, False, False

    def add(self, rows: slice, columns: slice, mask: NDArray[np.bool_], grid: GeoBox) -> None:
        """Count one block."""
        if not mask.any():
            return
        read = dict(self._read(rows, columns))
        state = read["state"]
        likelihood = read.get("likelihood", np.full(state.shape, NO_LIKELIHOOD, np.uint8))
        kind, area = kinds(state, likelihood), cell_area_m2(grid)
        zone = np.where(mask, 0, -1).astype("int32")
        event = mask & (state == State.EVENT)
        shut = np.where(mask & (state == State.EXCLUDED), 0, -1).astype("int32")
        struck = np.where(event, 0, -1).astype("int32")
        self._area += zonal.zone_sums(zone, kind, area, 1, len(Kind))
        if "exclusion" in read:
            codes = np.minimum(read["exclusion"], _REASONS - 1)
            self._reasons += zonal.zone_sums(shut, codes, area, 1, _REASONS)
        if self.grading:
            codes = read[self.grading]
            self._classes[0][:] += zonal.zone_sums(struck, codes, area, 1, _CODES)
        if self._people is not None:
            people = read["people"]
            self._people += zonal.zone_sums(zone, kind, people, 1, len(Kind))
            self._uncounted += int((mask & np.isnan(people)).sum())
            if self.grading:
                self._classes[1][:] += zonal.zone_sums(
                    struck, read[self.grading], people, 1, _CODES
                )
        self.pixels += int(mask.sum())
        self._any |= bool(event.any())
        self._likely |= bool((likelihood[event] != NO_LIKELIHOOD).any())
        self._stated |= bool((likelihood[mask] != NO_LIKELIHOOD).any())

    def _read(self, rows: slice, columns: slice) -> Iterator[tuple[str, NDArray[Any]]]:
        wanted = ["state", "likelihood", "exclusion", "people", self.grading]
        window = Window(columns.start, rows.start, columns.stop - columns.start,
                        rows.stop - rows.start)  # fmt: skip
        for name in wanted:
            if name in self._paths:
                yield name, kept_open(self._paths[name]).read(1, window=window)

    def exposure(self) -> tuple[Exposure, bool]:
        """Return what was counted, and whether ranges can be told."""
        people = None if self._people is None else self._people[0]
        codes = np.arange(_REASONS)
        exposure = Exposure(
            whole=Tally(area_m2=self._area[0], people=people),
            by_admin=None,
            excluded_km2={
                flag.name.lower(): float(self._reasons[0, (codes & flag) > 0].sum()) / 1e6
                for flag in Exclusion
                if flag.name
            },
            by_class=dict(self._by_class()),
            by_cover={},
            assets=Assets(),
            unknown_share=self._uncounted / self.pixels
            if self.pixels and people is not None
            else math.nan,
        )
        return exposure, self._likely if self._any else self._stated

    def _by_class(self) -> Iterator[tuple[str, Tally]]:
        flags = VARIABLES[self.grading].flags if self.grading else None
        for member in () if flags is None or not issubclass(flags, IntEnum) else flags:
            area, people = (sums[0, [int(member)]] for sums in self._classes)
            if area[0] > 0:
                known = people if self._people is not None else None
                yield member.name.lower(), Tally(area_m2=area, people=known)
