"""Score the library's flood map, at its defaults, on a folder of labelled Sentinel-1 chips.

    python benchmarks/flood_accuracy.py FOLDER [--json]

Chips are pairs ``NAME_S1Hand.tif`` (bands VV, VH) and ``NAME_LabelHand.tif`` (-1 no data, 0, 1),
or triples ``NAME_vv.tif``, ``NAME_vh.tif``, ``NAME_label.tif`` (255 no data, 0, 1). Label 1 is all
water, so event and reference water both count as water. Pixels without label, without image or
excluded from one of them are left out; excluded pixels of the map count as "no water".
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import odc.geo.xr
import rasterio
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from reliefscope.errors import InsufficientDataError, ReliefscopeError
from reliefscope.indicators.flood_sar import flood_extent
from reliefscope.model.cube import Advisory, State, describe
from reliefscope.numerics.agreement import Confusion, confusion
from reliefscope.numerics.radar import power

SCORES = ("iou", "f1", "precision", "recall", "bias", "mcc", "false_alarm_rate")
LABEL_NODATA = (-1, 255)
IMAGE_NODATA = -9999.0
APART = "Pakistan"
"""Shallow water under vegetation, which amplitude hardly shows; pooled with and without it."""


@dataclass(kw_only=True)
class Chip:
    """One chip and what came of it."""

    name: str
    images: tuple[tuple[Path, int], ...]
    """File and band of VV and VH."""
    label: Path
    scores: Confusion = field(default_factory=lambda: Confusion(0, 0, 0, 0))
    observed_fraction: float = float("nan")
    advisory: tuple[str, ...] = ()
    thresholds: dict[str, float | None] = field(default_factory=dict)
    reliability: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Pixels, and share of them that is water, by class of likelihood."""
    scale: str = ""
    note: str = ""


def find_chips(folder: Path) -> Iterator[Chip]:
    """Yield the chips of a folder by name."""
    for image in sorted(folder.glob("*_S1Hand.tif")):
        name = image.name.removesuffix("_S1Hand.tif")
        label = folder / f"{name}_LabelHand.tif"
        yield Chip(name=name, images=((image, 1), (image, 2)), label=label)
    for label in sorted(folder.glob("*_label.tif")):
        name = label.name.removesuffix("_label.tif")
        images = tuple((folder / f"{name}_{p}.tif", 1) for p in ("vv", "vh"))
        yield Chip(name=name, images=images, label=label)


def read_band(path: Path, band: int) -> tuple[NDArray[np.float32], str | None, GeoBox | None]:
    """Return values with NaN for no data, units by the file's own word, and the grid."""
    with rasterio.open(path) as raster:
        values = raster.read(band).astype(np.float32)
        units = raster.units[band - 1] or raster.tags(band).get("units")
        grid = GeoBox(raster.shape, raster.transform, raster.crs) if raster.crs else None
        nodata = raster.nodatavals[band - 1]
    missing = ~np.isfinite(values) | (values == np.float32(IMAGE_NODATA)) | (values == 0)
    if nodata is not None:
        missing |= values == np.float32(nodata)
    return np.where(missing, np.float32(np.nan), values), units, grid


def is_decibel(values: list[NDArray[np.float32]], units: list[str | None]) -> tuple[bool, str]:
    """Decide the scale by the units tag, else by sign: power is never below zero.

    This is a guess, made here because these files do not say; the library itself never guesses.
    """
    named = {str(u).strip().lower() for u in units if u}
    if named & {"db", "decibel", "decibels"}:
        return True, "dB (units tag)"
    if named & {"1", "linear", "power"}:
        return False, "linear (units tag)"
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    if known.size == 0:
        return False, "no pixel"
    negative = float(np.mean(known < 0))
    return negative > 0.01, f"{'dB' if negative > 0.01 else 'linear'} ({negative:.0%} below 0)"  # noqa: PLR2004


def to_cube(chip: Chip) -> xr.Dataset:
    """Read the images of a chip as the library wants them."""
    found = {
        name: read_band(path, band)
        for name, (path, band) in zip(("vv", "vh"), chip.images, strict=True)
        if path.exists()
    }
    decibel, chip.scale = is_decibel([f[0] for f in found.values()], [f[1] for f in found.values()])
    grids = [f[2] for f in found.values() if f[2] is not None]
    arrays = {}
    for name, (values, _, _) in found.items():
        linear = power(values) if decibel else values
        array = odc.geo.xr.wrap_xr(linear, grids[0])
        arrays[name] = describe(name, array.rename(dict(zip(array.dims, "yx", strict=True))))
    seen = [np.isfinite(f[0]) for f in found.values()]
    chip.observed_fraction = float(np.mean(np.logical_or.reduce(seen)))
    return xr.Dataset(arrays)


def score(chip: Chip) -> None:
    """Map a chip, compare with its label, and note what happened."""
    try:
        cube = to_cube(chip)
        with rasterio.open(chip.label) as raster:
            label = raster.read(1).astype(np.int16)
        result = flood_extent(cube)
    except InsufficientDataError as error:
        chip.note = f"insufficient: {error}"
        return
    except (ReliefscopeError, RasterioError, ValueError, IndexError) as error:
        chip.note = f"{type(error).__name__}: {error}"
        return
    state, likely = result["state"].to_numpy(), result["likelihood"].to_numpy()
    flags = Advisory(int(result["advisory"]))
    chip.advisory = tuple(f.name.lower() for f in flags if f.name)
    chip.thresholds = {
        n: None if np.isnan(v := float(result[f"threshold_{n}_db"])) else round(v, 2)
        for n in ("vv", "vh")
    }
    if label.shape != state.shape:
        chip.note = f"label is {label.shape}, image {state.shape}"
        return
    valid = ~np.isin(label, LABEL_NODATA) & (state != State.NOT_OBSERVED)
    water = (state == State.EVENT) | (state == State.REFERENCE)
    chip.scores = confusion(water, label == 1, valid)
    for low in range(0, 100, 10):
        inside = valid & (likely >= low) & (likely < low + 10 + (low == 90))  # noqa: PLR2004
        share = float(np.mean(label[inside] == 1)) if inside.any() else float("nan")
        chip.reliability[f"{low}-{low + 10}"] = (int(np.count_nonzero(inside)), share)
    if not valid.any():
        chip.note = "no labelled pixel"


def summary(scores: Confusion) -> dict[str, float | int | None]:
    """Return counts and scores; what has no meaning is null."""
    out: dict[str, float | int | None] = {n: getattr(scores, n) for n in ("tp", "fp", "fn", "tn")}
    for name in SCORES:
        value = getattr(scores, name)
        out[name] = None if np.isnan(value) else round(value, 6)
    return out


def report(chips: list[Chip]) -> dict[str, object]:
    """Everything as one document."""
    apart = [c for c in chips if not c.name.startswith(APART)]
    return {
        "pooled": summary(sum((c.scores for c in chips), Confusion(0, 0, 0, 0))),
        "pooled_without": {APART: summary(sum((c.scores for c in apart), Confusion(0, 0, 0, 0)))},
        "reliability": reliability(chips),
        "chips": [
            {
                "chip": c.name,
                **summary(c.scores),
                "observed_fraction": None
                if np.isnan(c.observed_fraction)
                else round(c.observed_fraction, 6),
                "threshold_db": c.thresholds,
                "advisory": list(c.advisory),
                "scale": c.scale,
                "note": c.note,
            }
            for c in chips
        ],
    }


def reliability(chips: list[Chip]) -> list[dict[str, object]]:
    """Share of water by class of likelihood, pooled."""
    rows = []
    for low in range(0, 100, 10):
        key = f"{low}-{low + 10}"
        parts = [c.reliability[key] for c in chips if c.reliability.get(key, (0, 0))[0]]
        pixels = sum(n for n, _ in parts)
        water = sum(n * share for n, share in parts)
        rows.append(
            {
                "likelihood": key,
                "pixels": pixels,
                "water_share": round(water / pixels, 4) if pixels else None,
            }
        )
    return rows


def print_table(document: dict[str, object], chips: list[Chip]) -> None:
    """Print the report for people."""
    line = "{:<24}{:>7}{:>7}{:>8}{:>8}{:>8}{:>9}{:>7}{:>7}  {}"
    print(
        line.format("chip", "IoU", "F1", "prec", "recall", "false %", "seen %", "VV", "VH", "notes")
    )
    for chip in chips:
        s = chip.scores
        numbers = [_text(v) for v in (s.iou, s.f1, s.precision, s.recall)]
        far, seen = _text(100 * s.false_alarm_rate, 2), _text(100 * chip.observed_fraction, 1)
        cuts = [_text(chip.thresholds.get(n), 1) for n in ("vv", "vh")]
        notes = "; ".join(filter(None, [chip.scale, " ".join(chip.advisory), chip.note]))
        print(line.format(chip.name, *numbers, far, seen, *cuts, notes))
    pooled = sum((c.scores for c in chips), Confusion(0, 0, 0, 0))
    without = sum((c.scores for c in chips if not c.name.startswith(APART)), Confusion(0, 0, 0, 0))
    for name, s in (("pooled", pooled), (f"pooled without {APART}", without)):
        numbers = [_text(v) for v in (s.iou, s.f1, s.precision, s.recall)]
        print(line.format(name, *numbers, _text(100 * s.false_alarm_rate, 2), "", "", "", ""))
    print("\nlikelihood   pixels   share that is water")
    for row in document["reliability"]:  # type: ignore[attr-defined]
        print(f"{row['likelihood']:>8}{row['pixels']:>11}   {_text(row['water_share'])}")


def _text(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.{digits}f}"


def main() -> int:
    """Read the command line, score, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder with labelled chips")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    chips = list(find_chips(arguments.folder))
    if not chips:
        print(f"no chips in {arguments.folder}", file=sys.stderr)
        return 3
    for chip in chips:
        score(chip)
    document = report(chips)
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print_table(document, chips)
    return 0


if __name__ == "__main__":
    sys.exit(main())
