"""Check a package anew, as one who received it would: nothing in it is taken on trust."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataSourceError
from pypdf.errors import PyPdfError
from rasterio.errors import RasterioError
from shapely.geometry import shape

from reliefscope.errors import InputError, ReliefscopeError
from reliefscope.model.area import Area
from reliefscope.model.cube import NO_LIKELIHOOD, Exclusion, State
from reliefscope.model.granule import EXERCISE_TAG
from reliefscope.model.grid import cell_area_m2
from reliefscope.products import qa
from reliefscope.products.exposure import POSSIBLE_PERCENT, SURE_PERCENT
from reliefscope.products.facts import Facts
from reliefscope.products.layers import Layers, inside
from reliefscope.products.looks import NAMES
from reliefscope.products.provenance import granules_in
from reliefscope.products.qa import Gate
from reliefscope.products.rasters import COLOURS
from reliefscope.products.stac import checksum, schema_errors
from reliefscope.products.statistics import statistics, to_csv
from reliefscope.products.workbook import NAME as WORKBOOK
from reliefscope.products.workbook import workbook_errors

SUMS = "SHA256SUMS"
_UNLISTED = {SUMS, "item.json"}
_AREA_ERROR, _COUNT_ERROR = 1e-5, 1e-6
_STATE_FACTS: Mapping[str, tuple[State, ...]] = {
    "area_km2": tuple(State),
    "event_area_km2": (State.EVENT,),
    "no_event_area_km2": (State.NO_EVENT,),
    "reference_area_km2": (State.REFERENCE,),
    "excluded_area_km2": (State.EXCLUDED,),
    "not_observed_area_km2": (State.NOT_OBSERVED,),
}
_UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, RasterioError, DataSourceError, PyPdfError,
    ReliefscopeError,
)  # fmt: skip
"""What opening a file that is not what it claims to be may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    folder: Path
    item: Mapping[str, Any]
    facts: Facts
    record: Mapping[str, Any]
    """The provenance."""


def verify(folder: Path) -> list[Gate]:
    """Check every file of a package, and that they tell the same.

    Checksums; the STAC Item with sizes and sums of its assets; valid COGs on the stated grid;
    valid polygons with the area of the raster; every area in the facts counted anew on the raster;
    people of admin units adding up to the whole; the table of statistics; sheets; EXERCISE marks.

    Parameters
    ----------
    folder : Path
        The package, as published or as received.

    Returns
    -------
    list of Gate
        One per check; `Gate.passed` is None for what is only reported.

    Raises
    ------
    InputError
        There is no package in ``folder``.
    """
    for name in ("item.json", "facts.json", "provenance.json", SUMS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is no package: it has no {name}")
    gates = [_guarded("checksums match", lambda: _sums(folder))]
    try:
        opened = _Opened(
            folder=folder,
            item=_read(folder / "item.json"),
            facts=Facts.from_json((folder / "facts.json").read_text(encoding="utf-8")),
            record=_read(folder / "provenance.json"),
        )
    except _UNREADABLE as error:
        return [*gates, Gate(name="documents readable", passed=False, message=_short(error))]
    return [
        *gates,
        _guarded("STAC Item valid and true to the files", lambda: _item(opened)),
        _guarded("identity agrees", lambda: _identity(opened)),
        _guarded("EXERCISE marked everywhere", lambda: _exercise(opened)),
        *_pixels(opened),
        _guarded("statistics told from the facts", lambda: _statistics(opened)),
        _guarded("admin units add up", lambda: _conservation(opened)),
        _guarded("sheets complete", lambda: _sheets(opened)),
        _quality(opened),
    ]


def _guarded(name: str, check: Callable[[], str]) -> Gate:
    """Return how a check went, which returns what is wrong; unreadable files do not pass."""
    try:
        problem = check()
    except _UNREADABLE as error:
        problem = _short(error)
    return Gate(name=name, passed=not problem, message=problem)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _read(path: Path) -> Mapping[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise InputError(f"{path.name} holds no object")
    return document


def listed(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that a package states.

    Raises
    ------
    InputError
        The list is not one, or names a file elsewhere.
    """
    found = {}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, gap, name = line.partition("  ")
        if not gap or PurePath(name).name != name:
            raise InputError(f"{SUMS} has a line {line[:80]!r}; write 'sum  name'")
        found[name] = digest
    return found


def _sums(folder: Path) -> str:
    stated = listed(folder)
    there = {p.name for p in folder.iterdir() if p.name not in _UNLISTED}
    wrong = [f"{n} is missing" for n in sorted(stated.keys() - there)]
    wrong += [f"{n} is not listed" for n in sorted(there - stated.keys())]
    wrong += [
        f"{n} was changed" for n in sorted(there & stated.keys())
        if checksum(folder / n) != stated[n]
    ]  # fmt: skip
    return "; ".join(wrong)


def _item(opened: _Opened) -> str:
    wrong = [e for e in [schema_errors(opened.item)] if e]
    stated = listed(opened.folder)
    for name, asset in opened.item["assets"].items():
        file = PurePath(asset["href"]).name
        path = opened.folder / file
        if asset["href"] not in {file, f"./{file}"} or not path.is_file():
            wrong.append(f"asset {name!r} leads to {asset['href']!r}, which is not in the package")
            continue
        size, digest = asset.get("file:size"), str(asset.get("file:checksum", ""))
        if size is not None and size != path.stat().st_size:
            wrong.append(f"asset {name!r} states {size} bytes")
        if digest and file in stated and not digest.endswith(stated[file]):
            wrong.append(f"asset {name!r} states another checksum")
    return "; ".join(wrong)


def _identity(opened: _Opened) -> str:
    """Item, facts, provenance and rasters belong to one product and one run."""
    properties = opened.item["properties"]
    told = {
        "item": (opened.item["id"], properties["reliefscope:fingerprint"]),
        "facts": (opened.facts.head.get("product_id"), opened.facts.head.get("fingerprint")),
        "provenance": (opened.record.get("product_id"), opened.record.get("fingerprint")),
    }
    for path in sorted(opened.folder.glob("*.tif")):
        with rasterio.open(path) as file:
            tags = file.tags()
        told[path.name] = tuple(
            tags.get(k) or tags.get(f"RELIEFSCOPE_{k.upper()}")
            for k in ("product_id", "fingerprint")
        )
    odd = [name for name, value in told.items() if value != told["item"]]
    return f"of another product or run than the item: {', '.join(odd)}" if odd else ""


def _exercise(opened: _Opened) -> str:
    stated = {
        "item.json": opened.item["properties"]["reliefscope:exercise"] is True,
        "facts.json": opened.facts.head.get("exercise") == "yes",
        "provenance.json": opened.record.get("exercise") is True,
    }
    granules = [g for group in granules_in(opened.record).values() for g in group]
    stated["granules"] = any(g["exercise"] for g in granules)
    for path in sorted(opened.folder.glob("*.tif")):
        with rasterio.open(path) as file:
            stated[path.name] = file.tags().get(EXERCISE_TAG) == "YES"
    unmarked = [name for name, marked in stated.items() if not marked]
    if any(stated.values()) and unmarked:
        return f"simulated, but not marked in {', '.join(unmarked)}"
    return ""


def _pixels(opened: _Opened) -> Iterator[Gate]:
    """Check rasters and vectors, and count every area anew."""
    folder = opened.folder
    try:
        rasters = {path.stem: path for path in sorted(folder.glob("*.tif"))}
        looks = {name: rasters.pop(name) for name in NAMES if name in rasters}
        yield from qa.check_rasters(rasters)
        yield from qa.check_looks(looks, _grid(opened))
        layers = _layers(opened)
    except _UNREADABLE as error:
        yield Gate(name="rasters readable", passed=False, message=_short(error))
        return
    yield _guarded("facts counted on the rasters", lambda: _areas(opened.facts, layers))
    try:
        yield from (
            g for g in qa.check_vectors(folder / "vectors.gpkg", (), layers)
            if g.name != "GeoPackage has its layers"
        )  # fmt: skip
        yield qa.check_parquet(folder)
    except _UNREADABLE as error:
        yield Gate(name="vectors readable", passed=False, message=_short(error))


def _grid(opened: _Opened) -> GeoBox:
    stated = opened.record["grid"]
    return GeoBox(tuple(stated["shape"]), Affine(*stated["transform"]), stated["crs"])


def _layers(opened: _Opened) -> Layers:
    """Return the layers as the files have them, on the grid that the provenance states."""
    grid = _grid(opened)
    arrays = {}
    for path in sorted(opened.folder.glob("*.tif")):
        if path.stem in NAMES:
            continue
        with rasterio.open(path) as file:
            if file.shape != tuple(grid.shape) or not file.transform.almost_equals(grid.affine):
                raise InputError(f"{path.name} is not over the grid of the product")
            if path.stem in {"state", "likelihood", "exclusion"}:
                arrays[path.stem] = file.read(1)
    codes = set(np.unique(arrays["state"]).tolist()) - set(COLOURS)
    if codes:
        raise InputError(f"state.tif has the codes {sorted(codes)}, which mean nothing")
    area = opened.record["event"]["area"]
    return Layers(
        grid=grid,
        state=arrays["state"],
        likelihood=arrays["likelihood"],
        exclusion=arrays["exclusion"],
        inside=inside(Area(geometry=shape(area["geometry"]), name=area["name"]), grid),
        cell_area_m2=cell_area_m2(grid),
    )


def _areas(facts: Facts, layers: Layers) -> str:
    """Compare each area that is stated with that of the pixels."""
    counted = dict(_counted(layers))
    stated: dict[str, object] = {k: f.value for k, f in facts.items() if k in counted}
    stated |= dict.fromkeys(set(_STATE_FACTS) - set(stated))
    event = facts.get("event_area_km2")
    if event is not None and event.low is not None:
        stated |= {"event_area_km2, low": event.low, "event_area_km2, high": event.high}
    return "; ".join(
        f"{key} is {value} in the facts and {counted[key]:.6f} on the raster"
        for key, value in stated.items()
        if not isinstance(value, int | float)
        or not _close(value, counted[key], counted["area_km2"])
    )


def _counted(layers: Layers) -> Iterator[tuple[str, float]]:
    """Yield every area that the pixels hold, by the key of its fact [km2]."""

    def km2(mask: NDArray[np.bool_]) -> float:
        counted = mask & layers.inside
        return float(layers.cell_area_m2.sum(dtype="float64", where=counted)) / 1e6

    for key, states in _STATE_FACTS.items():
        yield key, km2(np.isin(layers.state, [int(s) for s in states]))
    event, shut = layers.state == State.EVENT, layers.state == State.EXCLUDED
    likely = np.where(layers.likelihood == NO_LIKELIHOOD, 0, layers.likelihood)
    possible = (layers.state == State.NO_EVENT) & (likely >= POSSIBLE_PERCENT)
    yield "event_area_km2, low", km2(event & (likely >= SURE_PERCENT))
    yield "event_area_km2, high", km2(event | possible)
    for flag in Exclusion:
        key = f"excluded_{str(flag.name).lower()}_area_km2"
        yield key, km2(shut & ((layers.exclusion & int(flag)) > 0))


def _close(one: float, other: float, whole: float) -> bool:
    return math.isclose(one, other, rel_tol=_AREA_ERROR, abs_tol=_AREA_ERROR * whole)


def _statistics(opened: _Opened) -> str:
    there = (opened.folder / "statistics.csv").read_text(encoding="utf-8")
    same = there == to_csv(statistics(opened.facts))
    wrong = [] if same else ["statistics.csv says something else than facts.json"]
    wrong += [workbook_errors(opened.facts, opened.folder / WORKBOOK)]
    return "; ".join(filter(None, wrong))


def _conservation(opened: _Opened) -> str:
    """Admin units of a level and what lies outside of them add up to the whole."""
    facts, table = opened.facts, pd.DataFrame(opened.facts.admin)
    if table.empty:
        return ""
    wrong = []
    for column, key in (
        ("area_km2", "area_km2"),
        ("event_km2", "event_area_km2"),
        ("population", "population_total"),
        ("exposed", "exposed_population"),
        ("cannot_tell", "population_cannot_tell"),
    ):
        whole = facts[key].value if key in facts else None
        if not isinstance(whole, int | float):
            continue
        for level, rows in table.groupby("level"):
            total = float(rows[column].sum())
            if not math.isclose(total, whole, rel_tol=_COUNT_ERROR, abs_tol=_COUNT_ERROR):
                wrong.append(f"{column} of level {level} is {total:.6f}, the whole {whole:.6f}")
    return "; ".join(wrong)


def _sheets(opened: _Opened) -> str:
    """Each sheet has its product's id, its fonts, and EXERCISE where that is due."""
    furniture = [str(opened.item["id"])]
    found = {p.name: qa.check_sheet(p, furniture) for p in opened.folder.glob("sheet.*.pdf")}
    wrong = [f"{name}: {gate.message}" for name, gate in sorted(found.items()) if not gate.passed]
    return "; ".join(wrong) if found else "there is no sheet"


def _quality(opened: _Opened) -> Gate:
    """Report the quality gates that did not pass when the package was made."""
    names = [g["name"] for g in opened.record.get("qa", ()) if g["passed"] is False]
    message = f"a draft when published: {'; '.join(names)}" if names else "all passed"
    return Gate(name="quality gates at publication", passed=None, message=message)
