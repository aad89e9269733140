"""Quality gates: each looks at what was made and says how it went. None stops a publication."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pypdf import PdfReader
from rio_cogeo.cogeo import cog_validate
from scipy import ndimage

from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, State
from reliefscope.model.product import Product
from reliefscope.products.facts import Facts
from reliefscope.products.layers import Layers
from reliefscope.products.looks import look_errors
from reliefscope.products.stac import schema_errors
from reliefscope.products.vectors import vector_area_m2
from reliefscope.words import words_in

MIN_OBSERVED = 0.5
"""A product that saw less than half of its area is a draft."""
MIN_RECALL = 0.9
"""Share of reference water that the likelihood finds again."""
MIN_CONTROL_PIXELS = 100
EVEN_PERCENT = 50
MAX_AREA_ERROR = 0.01
THRESHOLD_BOUNDS_DB: Mapping[str, tuple[float, float]] = {
    "threshold_vv_db": (-28.0, -11.0),
    "threshold_vh_db": (-28.0, -18.0),
}
"""Physical bounds of water thresholds [dB] (OPERA DSWx-S1 ATBD)."""
MAX_PDF_BYTES = 5_000_000
_ROWS = 512
_POLYGONS = frozenset(
    {
        "areaOfInterestA",
        "observedEventA",
        "floodDepthA",
        "gradingA",
        "notObservedA",
        "exclusionA",
        "builtUpA",
    }
)
"""Layers whose polygons are made or used here; those of admin units are as they were given."""
_STATES = {"notObservedA": State.NOT_OBSERVED, "exclusionA": State.EXCLUDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One check and how it went."""

    name: str
    passed: bool | None
    """None where the check does not apply."""
    value: float | str | None = None
    limit: str = ""
    message: str = ""


def failed(gates: Sequence[Gate]) -> tuple[str, ...]:
    """Return the names of the gates that did not pass."""
    return tuple(g.name for g in gates if g.passed is False)


def check_layers(layers: Layers, facts: Facts) -> list[Gate]:
    """Check the pixels and the numbers."""
    wrong = sorted(_codes(layers.state) - {s.value for s in State})
    odd = sorted(_codes(layers.likelihood) - {*range(101), NO_LIKELIHOOD})
    seen = facts["observed_fraction"].value
    share = float(seen) if isinstance(seen, float) else 0.0
    empty = [k for k, f in facts.items() if f.value is None and f.display in {"area", "people"}]
    return [
        Gate(
            name="observed share",
            passed=share >= MIN_OBSERVED,
            value=share,
            limit=f">= {MIN_OBSERVED}",
        ),
        Gate(
            name="class codes legal",
            passed=not wrong and not odd,
            message=f"state {wrong}, likelihood {odd}" if wrong or odd else "",
            limit="State; 0-100 or 255",
        ),
        Gate(
            name="reasons agree with exclusion",
            passed=_reasons_agree(layers),
            limit="no reason without a bit, where excluded",
        ),
        *_thresholds(layers),
        _bimodal(layers),
        _negative_control(layers),
        Gate(name="facts complete", passed=not empty, message=", ".join(empty)),
    ]


def check_told(facts: Facts, languages: Sequence[str]) -> Gate:
    """Check that every fact can be read in every language."""
    wrong = []
    for language in languages:
        words = words_in(language)
        for key in facts:
            try:
                text = facts.text(key, words)
            except (KeyError, ValueError):
                text = ""
            if not text.strip():
                wrong.append(f"{language}: {key}")
    return Gate(name="facts told in all languages", passed=not wrong, message="; ".join(wrong[:5]))


def check_inputs(product: Product) -> Gate:
    """Report how many input files have a stated checksum; it is compared when they are fetched."""
    group = [a for g in product.granules.values() for granule in g for a in granule.assets.values()]
    stated = sum(bool(a.checksum) for a in group)
    return Gate(
        name="inputs have checksums",
        passed=True if group and stated == len(group) else None,
        value=float(stated),
        message=f"{stated} of {len(group)} files",
    )


def check_rasters(paths: Mapping[str, Path]) -> list[Gate]:
    """Check the files: valid COGs with units and CRS."""
    valid, labelled = [], []
    for path in paths.values():
        good, errors, _ = cog_validate(path, strict=False, quiet=True)
        if not good:
            valid.append(f"{path.name}: {'; '.join(errors)}")
        with rasterio.open(path) as file:
            if file.crs is None or not file.tags(1).get("units"):
                labelled.append(path.name)
    return [
        Gate(name="COG valid", passed=not valid, message="; ".join(valid)),
        Gate(name="units and CRS present", passed=not labelled, message=", ".join(labelled)),
    ]


def check_looks(paths: Mapping[str, Path], grid: GeoBox) -> list[Gate]:
    """Check the images for looking at, where there are any: COGs of tones over the grid."""
    if not paths:
        return []
    wrong = [error for path in paths.values() if (error := look_errors(path, grid))]
    for path in paths.values():
        good, errors, _ = cog_validate(path, strict=False, quiet=True)
        wrong += [] if good else [f"{path.name}: {'; '.join(errors)}"]
    return [Gate(name="images for looking at", passed=not wrong, message="; ".join(wrong))]


def check_vectors(path: Path, expected: Sequence[str], layers: Layers) -> list[Gate]:
    """Check the GeoPackage: layers, valid polygons, area against the raster."""
    found = [str(name) for name, _ in pyogrio.list_layers(path)]
    invalid: list[str] = []
    errors: dict[str, float] = {}
    for name in found:
        if name not in _POLYGONS:
            continue
        table = pyogrio.read_dataframe(path, layer=name)
        bad = int((~shapely.is_valid(table.geometry.to_numpy())).sum())
        if bad:
            invalid.append(f"{name}: {bad}")
        errors |= _area_errors(name, table, layers)
    if not any(key.startswith("observedEventA") for key in errors):
        errors["observedEventA"] = float(((layers.state == State.EVENT) & layers.inside).any())
    worst = max(errors, key=lambda key: errors[key])
    error = errors[worst]
    return [
        Gate(
            name="GeoPackage has its layers",
            passed=found == list(expected),
            message=", ".join(sorted(set(found) ^ set(expected))),
        ),
        Gate(name="polygons valid", passed=not invalid, message="; ".join(invalid)),
        Gate(
            name="vector and raster area agree",
            passed=error <= MAX_AREA_ERROR,
            value=error,
            limit=f"<= {MAX_AREA_ERROR}",
            message=worst if error > MAX_AREA_ERROR else "",
        ),
    ]


def _area_errors(name: str, table: gpd.GeoDataFrame, layers: Layers) -> dict[str, float]:
    """Return by how much the polygons of a layer differ from its pixels, whole and by class."""
    if name in {"areaOfInterestA", "builtUpA"}:
        return {}
    state = _STATES.get(name, State.EVENT)
    mask = (layers.state == state) & layers.inside
    found = {name: _area_error(table, mask, layers)}
    if layers.grading is not None and name in {"floodDepthA", "gradingA"}:
        codes = layers.grading.codes
        for code in np.unique(codes[mask]):
            mine = table[table["code"] == code]
            found[f"{name}, class {code}"] = _area_error(mine, mask & (codes == code), layers)
    return found


def _area_error(table: gpd.GeoDataFrame, mask: NDArray[np.bool_], layers: Layers) -> float:
    area = vector_area_m2(table.geometry.to_list()) if len(table) else 0.0
    want = float(layers.cell_area_m2.sum(dtype="float64", where=mask))
    return abs(area - want) / want if want else float(area > 0)


def check_parquet(folder: Path) -> Gate:
    """Check that each layer of the GeoPackage is there as GeoParquet, with the same features."""
    wrong = []
    layers = [str(name) for name, _ in pyogrio.list_layers(folder / "vectors.gpkg")]
    extra = {p.stem for p in folder.glob("*.parquet")} - set(layers)
    wrong += [f"{name}.parquet is no layer of the GeoPackage" for name in sorted(extra)]
    for name in layers:
        path = folder / f"{name}.parquet"
        if not path.is_file():
            wrong.append(f"{path.name} is missing")
        elif problem := _difference(folder / "vectors.gpkg", path):
            wrong.append(f"{path.name}: {problem}")
    return Gate(name="GeoParquet as the GeoPackage", passed=not wrong, message="; ".join(wrong))


def _difference(package: Path, path: Path) -> str:
    """Return how a layer differs from the one of its name in the GeoPackage; empty if nowise."""
    try:
        one = gpd.read_parquet(path)
    except (ValueError, OSError) as error:
        return f"is no GeoParquet ({type(error).__name__})"
    other = pyogrio.read_dataframe(package, layer=path.stem)
    if len(one) != len(other):
        return f"{len(one)} features, not {len(other)}"
    columns = [c for c in other.columns if c != other.geometry.name]
    if columns != [c for c in one.columns if c != one.geometry.name]:
        return f"fields {', '.join(map(str, one.columns))}"
    odd = [str(c) for c in columns if not _same(one[c], other[c])]
    if odd:
        return f"other values in {', '.join(odd)}"
    boxes = np.array_equal(one.bounds.to_numpy(), other.bounds.to_numpy())
    sizes = np.allclose(shapely.area(one.geometry), shapely.area(other.geometry), rtol=1e-9, atol=0)
    return "" if boxes and sizes and one.crs == other.crs else "other geometries"


def _same(one: pd.Series, other: pd.Series) -> bool:
    """Say whether two columns hold the same, whatever the formats' types for it are."""
    there = one.notna().to_numpy()
    if not np.array_equal(there, other.notna().to_numpy()):
        return False
    return bool(
        (one[there].astype(object).to_numpy() == other[there].astype(object).to_numpy()).all()
    )


def check_item(document: Mapping[str, Any]) -> Gate:
    """Check the Item against the core schema of STAC."""
    errors = schema_errors(document)
    return Gate(name="STAC valid", passed=not errors, message=errors[:300])


def check_sheet(path: Path, furniture: Sequence[str] = ()) -> Gate:
    """Check the PDF: every text of ``furniture`` is on it, fonts are embedded, size is modest."""
    reader = PdfReader(path)
    problems = []
    if furniture:
        text = "".join("".join(page.extract_text() for page in reader.pages).split())
        problems += [f"no {w!r}" for w in furniture if "".join(w.split()) not in text]
    if _loose_fonts(reader):
        problems.append("fonts not embedded")
    size = path.stat().st_size
    if size > MAX_PDF_BYTES:
        problems.append(f"{size} bytes")
    return Gate(
        name="sheet complete",
        passed=not problems,
        message="; ".join(problems),
        limit=f"furniture, embedded fonts, < {MAX_PDF_BYTES} bytes",
    )


def _codes(array: NDArray[np.uint8]) -> set[int]:
    """Return the codes that occur, found in strips because counting needs eight times the room."""
    found: set[int] = set()
    for row in range(0, array.shape[0], _ROWS):
        found.update(np.flatnonzero(np.bincount(array[row : row + _ROWS].ravel())).tolist())
    return found


def _loose_fonts(reader: PdfReader) -> bool:
    """Say whether any font of the document is only named, not carried along."""
    for page in reader.pages:
        resources: Any = page["/Resources"].get_object()
        for font in resources.get("/Font", {}).values():
            own = font.get_object()
            for part in own.get("/DescendantFonts", [own]):
                descriptor: Any = part.get_object()["/FontDescriptor"].get_object()
                if not any(f"/FontFile{n}" in descriptor for n in ("", "2", "3")):
                    return True
    return False


def _reasons_agree(layers: Layers) -> bool:
    shut = layers.state == State.EXCLUDED
    return not bool((shut & (layers.exclusion == 0)).any())


def _thresholds(layers: Layers) -> list[Gate]:
    """Each threshold lies within its bounds, or is declared a default."""
    default = Advisory.DEFAULT_THRESHOLD in layers.advisory
    gates = []
    for name, (low, high) in THRESHOLD_BOUNDS_DB.items():
        value = layers.scalars.get(name, float("nan"))
        if np.isfinite(value):
            gates.append(
                Gate(
                    name=f"{name} in bounds",
                    passed=low <= value <= high or default,
                    value=value,
                    limit=f"{low} to {high} dB",
                    message="default threshold" if default else "",
                )
            )
    return gates


def _bimodal(layers: Layers) -> Gate:
    """Check that two classes are apart where a threshold was taken from the scene."""
    name, limit = "histogram bimodal", "two classes apart, where a threshold is taken from them"
    taken = any(np.isfinite(layers.scalars.get(n, np.nan)) for n in THRESHOLD_BOUNDS_DB)
    if not taken or Advisory.DEFAULT_THRESHOLD in layers.advisory:
        return Gate(name=name, passed=None, limit=limit, message="no threshold from the scene")
    return Gate(name=name, passed=Advisory.LOW_CONTRAST not in layers.advisory, limit=limit)


def _negative_control(layers: Layers) -> Gate:
    """Water that is always there must look like water: else image or threshold is wrong.

    Pixels at its banks are left out: they hold land as well.
    """
    name, limit = "negative control", f"reference water recall >= {MIN_RECALL}"
    known = ndimage.binary_erosion(layers.state == State.REFERENCE, np.ones((3, 3)))
    known &= layers.inside & (layers.likelihood != NO_LIKELIHOOD)
    count = int(known.sum())
    if count < MIN_CONTROL_PIXELS:
        message = f"{count} pixels of reference water away from its banks"
        return Gate(name=name, passed=None, limit=limit, message=message)
    recall = int((known & (layers.likelihood >= EVEN_PERCENT)).sum()) / count
    return Gate(name=name, passed=recall >= MIN_RECALL, value=recall, limit=limit)
