"""Quality bands of optical sensors: where clouds and their shadows hide the ground."""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.floating] | NDArray[np.integer]
Mask = NDArray[np.bool_]

_SCL_HIDDEN = (0, 1, 3, 8, 9, 10)
"""No data, saturated, cloud shadow, cloud of medium and high probability, thin cirrus
(Sentinel-2 Level-2A Algorithm Theoretical Basis Document, S2-PDGS-MPC-ATBD-L2A, scene classes)."""

_QA_PIXEL_HIDDEN = 0b1_1111
"""Fill, dilated cloud, cirrus, cloud, cloud shadow (Landsat 8-9 Collection 2 Level 2 Science
Product Guide, LSDS-1619, QA_PIXEL bits 0 to 4)."""

_FMASK_HIDDEN = 0b1110
"""Cloud, adjacent to cloud or shadow, cloud shadow (HLS Product User Guide v2, Fmask bits 1-3)."""
_FMASK_FILL = 255

_SCL_SNOW = 11
_QA_PIXEL_SNOW = 1 << 5
_FMASK_SNOW = 1 << 4
"""Snow or ice in the same documents."""


def hidden_by_scl(codes: Codes) -> Mask:
    """Return where a Sentinel-2 scene classification shows no ground; NaN is hidden."""
    hidden: Mask = ~np.isfinite(codes) | np.isin(codes, _SCL_HIDDEN)
    return hidden


def hidden_by_qa_pixel(codes: Codes) -> Mask:
    """Return where the quality bits of Landsat Collection 2 show no ground; NaN is hidden."""
    hidden: Mask = ~np.isfinite(codes) | (_bits(codes) & _QA_PIXEL_HIDDEN != 0)
    return hidden


def hidden_by_fmask(codes: Codes) -> Mask:
    """Return where the Fmask bits of HLS show no ground; NaN and fill are hidden."""
    bits = _bits(codes)
    hidden: Mask = ~np.isfinite(codes) | (bits == _FMASK_FILL) | (bits & _FMASK_HIDDEN != 0)
    return hidden


def snow_by_scl(codes: Codes) -> Mask:
    """Return where a Sentinel-2 scene classification shows snow or ice."""
    snow: Mask = codes == _SCL_SNOW
    return snow


def snow_by_qa_pixel(codes: Codes) -> Mask:
    """Return where the quality bits of Landsat Collection 2 show snow or ice, under clear sky."""
    snow: Mask = (_bits(codes) & _QA_PIXEL_SNOW != 0) & ~hidden_by_qa_pixel(codes)
    return snow


def snow_by_fmask(codes: Codes) -> Mask:
    """Return where the Fmask bits of HLS show snow or ice, under clear sky."""
    snow: Mask = (_bits(codes) & _FMASK_SNOW != 0) & ~hidden_by_fmask(codes)
    return snow


def _bits(codes: Codes) -> NDArray[np.int64]:
    return np.nan_to_num(codes, nan=0.0).astype(np.int64)
