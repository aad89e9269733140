"""Which of many tests hold, when chance alone would pass some of them."""

import numpy as np
from numpy.typing import NDArray


def false_discovery(p: NDArray[np.floating], rate: float = 0.1) -> NDArray[np.bool_]:
    """Return which tests of a map hold when at most ``rate`` of those that do may be chance.

    Benjamini and Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x), valid on maps whose
    cells depend on their neighbours (Wilks 2016, doi:10.1175/BAMS-D-15-00267.1). NaN never holds.
    """
    flat = np.asarray(p, dtype=np.float64).ravel()
    tested = np.sort(flat[~np.isnan(flat)])
    below = np.flatnonzero(tested <= rate * np.arange(1, len(tested) + 1) / max(1, len(tested)))
    if not below.size:
        return np.zeros(np.shape(p), dtype=bool)
    holds: NDArray[np.bool_] = np.asarray(p) <= tested[below[-1]]
    return holds
