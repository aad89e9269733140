"""Snow on the ground in optical images.

The Normalized Difference Snow Index and its rule for open ground: Hall, Riggs and Salomonson
(1995), doi:10.1016/0034-4257(95)00137-P, as in the MODIS snow products (ATBD MOD10).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

SNOW_NDSI = 0.4
"""Half of a pixel under snow, and more, lies above [1]."""
LEAST_NIR, LEAST_GREEN = 0.11, 0.10
"""Water and dark woods have a high index too, but are dark [reflectance]."""


def ndsi(green: Floats, swir16: Floats) -> Floats:
    """Return (green - SWIR) / (green + SWIR) [1]; NaN where either is missing or both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        index: Floats = (green - swir16) / (green + swir16)
    return np.where(np.isfinite(index), index, np.nan)


def snow(green: Floats, nir: Floats, swir16: Floats) -> NDArray[np.float32]:
    """Return 1 where snow lies, 0 where none does, NaN where a band is missing."""
    index = ndsi(green, swir16)
    lies = (index > SNOW_NDSI) & (nir > LEAST_NIR) & (green > LEAST_GREEN)
    unseen = np.isnan(index) | np.isnan(nir)
    return np.where(unseen, np.nan, lies).astype(np.float32)
