"""Would the likelihood of the flood map gain from a calibration? Leave one country out.

    python benchmarks/flood_calibration.py FOLDER

FOLDER holds labelled chips as for flood_accuracy.py. A logistic curve of two parameters (Platt
1999) is fitted to the likelihoods of all countries but one, each country weighing the same, and
scored on the one left out by the Brier score and the expected calibration error, beside the
likelihood as it is. A calibration is worth shipping only if the countries left out gain.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import rasterio
from flood_accuracy import LABEL_NODATA, find_chips, to_cube
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from scipy import optimize, special

from reliefscope.errors import InsufficientDataError
from reliefscope.indicators.flood_sar import flood_extent
from reliefscope.model.cube import NO_LIKELIHOOD

Counts = NDArray[np.float64]
STATED: Counts = np.arange(101) / 100
_BINS = 10
_LEAST = 0.005


def counted(folder: Path) -> dict[str, Counts]:
    """Return by country how many pixels of each likelihood are dry and wet, (101, 2)."""
    counts: dict[str, Counts] = {}
    for chip in find_chips(folder):
        try:
            likely = flood_extent(to_cube(chip))["likelihood"].to_numpy()
        except InsufficientDataError:
            continue
        with rasterio.open(chip.label) as raster:
            label = raster.read(1)
        known = ~np.isin(label, LABEL_NODATA) & (likely != NO_LIKELIHOOD)
        table = counts.setdefault(chip.name.split("_")[0], np.zeros((101, 2)))
        np.add.at(table, (likely[known], (label[known] == 1).astype(int)), 1)
    return {name: table for name, table in counts.items() if table.sum()}


def fitted(counts: Counts) -> Counts:
    """Return the calibrated probability of each likelihood."""
    odds = special.logit(np.clip(STATED, _LEAST, 1 - _LEAST))

    def cost(line: Counts) -> float:
        p = np.clip(special.expit(line[0] + line[1] * odds), 1e-6, 1 - 1e-6)
        return float(-(counts[:, 1] @ np.log(p) + counts[:, 0] @ np.log(1 - p)))

    line = optimize.minimize(cost, np.array([0.0, 1.0]), method="Nelder-Mead").x
    return np.asarray(special.expit(line[0] + line[1] * odds))


def brier(counts: Counts, p: Counts) -> float:
    """Return the mean squared error of the probability."""
    return float((counts[:, 1] @ (1 - p) ** 2 + counts[:, 0] @ p**2) / counts.sum())


def calibration_error(counts: Counts, p: Counts) -> float:
    """Return the mean distance of the probability from what came true, by ten classes."""
    place = np.minimum((p * _BINS).astype(int), _BINS - 1)
    excess = counts[:, 1] - counts.sum(axis=1) * p
    return float(np.abs(np.bincount(place, excess, _BINS)).sum() / counts.sum())


def main() -> int:
    """Score each country by the others, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder with labelled chips")
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    counts = counted(parser.parse_args().folder)
    if len(counts) < 2:  # noqa: PLR2004 - one to fit on, one to score
        print("chips of two countries or more are needed", file=sys.stderr)
        return 3
    rows = []
    print(f"{'left out':<12}{'Brier as is':>13}{'fitted':>9}{'ECE as is':>12}{'fitted':>9}")
    for name, own in counts.items():
        rest = [c / c.sum() for n, c in counts.items() if n != name]
        p = fitted(np.sum(rest, axis=0))
        rows.append([score(own, q) for score in (brier, calibration_error) for q in (STATED, p)])
        print(
            f"{name:<12}{rows[-1][0]:13.4f}{rows[-1][1]:9.4f}{rows[-1][2]:12.4f}{rows[-1][3]:9.4f}"
        )
    mean = np.mean(rows, axis=0)
    print(f"{'mean':<12}{mean[0]:13.4f}{mean[1]:9.4f}{mean[2]:12.4f}{mean[3]:9.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
