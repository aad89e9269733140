"""From stored numbers to values, item by item: the offset of Sentinel-2 above all.

From processing baseline 04.00 on (25 January 2022, and reprocessed older scenes) ESA adds 1000 to
the stored reflectance (Sentinel-2 Products Specification Document, S2-PDGS-TAS-DI-PSD, issue
14.9). Some catalogues take it away again, some say so, some do neither.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

ADDED_FROM = "04.00"
"""Processing baseline from which 1000 is added."""
ADDED_SINCE = dt.datetime(2022, 1, 25, tzinfo=dt.UTC)
_OFFSET = -0.1
"""1000 stored units of 0.0001 reflectance."""


class Scaling(NamedTuple):
    """How stored numbers become values: value = stored * scale + offset."""

    scale: float
    offset: float
    doubt: str = ""
    """What had to be assumed; empty when everything was stated."""


def stated_scaling(
    properties: Mapping[str, Any], band: Mapping[str, Any], *, scale: float, offset: float
) -> Scaling:
    """Return the scaling that an item states, or ``scale`` and ``offset`` where it does not.

    Earth Search leaves the offset among its metadata when it has taken it off the pixels itself,
    and says so in ``earthsearch:boa_offset_applied``.
    """
    found = Scaling(
        scale=_number(band, "scale", scale),
        offset=_number(band, "offset", offset),
    )
    if properties.get("earthsearch:boa_offset_applied") is True:
        return found._replace(offset=0.0)
    return found


def raw_sentinel2_scaling(
    properties: Mapping[str, Any], acquired: dt.datetime | None, *, scale: float
) -> Scaling:
    """Return the scaling of pixels as ESA stores them, by the processing baseline.

    Without a baseline the date decides, and that is said: a reprocessed older scene carries the
    offset too.
    """
    baseline = properties.get("s2:processing_baseline") or properties.get("processing:version")
    if baseline is not None:
        return Scaling(scale, _OFFSET if str(baseline) >= ADDED_FROM else 0.0)
    late = acquired is not None and acquired >= ADDED_SINCE
    return Scaling(
        scale,
        _OFFSET if late else 0.0,
        "the item names no processing baseline: whether 1000 was added to the pixels is assumed "
        "from the date",
    )


def _number(band: Mapping[str, Any], name: str, default: float) -> float:
    value = band.get(name, band.get(f"raster:{name}"))
    return default if value is None else float(value)
