"""Where the map stands on the page, at which scale, and what part of the world it shows."""

import math
from dataclasses import dataclass

from odc.geo.geobox import GeoBox
from pyproj import CRS

from reliefscope.model.grid import pixel_size_m

PAGE_MM = (420.0, 297.0)
MARGIN_MM, GAP_MM, GUTTER_MM, HEADER_MM = 8.0, 3.5, 4.5, 23.0
BORDER_MM = 4.6
"""Strip between the two lines of the frame, for the labels of the graticule."""
_PADDING = 1.03
_WIDE_COLUMN_MM = 99.0
_STRIP_MM, _STRIP_PER_REMARK_MM, _USUAL_REMARKS, _MOST_REMARKS = 39.0, 2.3, 3, 12
_TALL_WIDTH_MM = (150.0, 224.0)
_STEPS = (
    *(n / 20 for n in range(20, 41)),
    *(n / 10 for n in range(21, 51)),
    *(n / 4 for n in range(21, 41)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The geometry of one sheet."""

    kind: str
    """``wide``: the map above a strip of text; ``tall``: the map beside two columns."""
    frame_mm: tuple[float, float]
    """Width and height of the map with its border."""
    window: tuple[float, float, float, float]
    """Left, bottom, right, top of the map, in the product's projection."""
    denominator: float
    """The map is 1 : ``denominator``, true at its middle."""
    unit_m: tuple[float, float]
    """Ground length of one unit of the projection along x and y, at the middle [m]."""
    grid_mm: tuple[float, float, float, float]
    """Left, top, width, height of the product's pixels within the frame."""
    paper: str = "A3"

    @property
    def side_mm(self) -> float:
        """Width of each column of text beside the map."""
        room = PAGE_MM[0] - 2 * MARGIN_MM - self.frame_mm[0]
        return room - GAP_MM if self.kind == "wide" else (room - 2 * GUTTER_MM) / 2

    @property
    def map_mm(self) -> tuple[float, float]:
        """Width and height of the map inside its border."""
        return self.frame_mm[0] - 2 * BORDER_MM, self.frame_mm[1] - 2 * BORDER_MM


def nice_denominator(least: float) -> float:
    """Return the smallest round scale denominator that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(s * power for s in _STEPS if s * power >= least * (1 - 1e-9))


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is not above ``longest``."""
    power = 10.0 ** math.floor(math.log10(longest) + 1e-9)
    return max(s for s in (1.0, 2.0, 5.0) if s * power <= longest * (1 + 1e-9)) * power


def plan_layout(grid: GeoBox, remarks: int = 0) -> Layout:
    """Return the arrangement in which ``grid`` is largest on an A3 landscape page.

    Parameters
    ----------
    grid : GeoBox
        The product's pixels.
    remarks : int
        Flags, notes and failed gates to be printed below a wide map, which gives way to them.
    """
    box = grid.boundingbox
    dy, dx = pixel_size_m(grid)
    unit = (dx / abs(grid.affine.a), dy / abs(grid.affine.e))
    ground = ((box.right - box.left) * unit[0], (box.top - box.bottom) * unit[1])
    strip = _STRIP_MM + _STRIP_PER_REMARK_MM * (
        min(max(remarks, _USUAL_REMARKS), _MOST_REMARKS) - _USUAL_REMARKS
    )
    inner = PAGE_MM[0] - 2 * MARGIN_MM, PAGE_MM[1] - 2 * MARGIN_MM - HEADER_MM - GAP_MM
    wide = inner[0] - _WIDE_COLUMN_MM - GAP_MM, inner[1] - strip - GAP_MM
    tall = _TALL_WIDTH_MM[1], inner[1]
    scales = {"wide": _denominator(ground, wide), "tall": _denominator(ground, tall)}
    kind = min(scales, key=lambda k: scales[k])
    frame = wide
    if kind == "tall":
        needed = ground[0] * _PADDING * 1000 / scales[kind] + 2 * BORDER_MM
        frame = min(max(needed, _TALL_WIDTH_MM[0]), _TALL_WIDTH_MM[1]), inner[1]
    return _placed(kind, frame, scales[kind], unit, grid)


def _denominator(ground_m: tuple[float, float], frame_mm: tuple[float, float]) -> float:
    fits = (
        metres * _PADDING * 1000 / (mm - 2 * BORDER_MM)
        for metres, mm in zip(ground_m, frame_mm, strict=True)
    )
    return nice_denominator(max(fits))


def _placed(
    kind: str,
    frame: tuple[float, float],
    denominator: float,
    unit: tuple[float, float],
    grid: GeoBox,
) -> Layout:
    """Return the layout with the grid in the middle of its frame."""
    box = grid.boundingbox
    per_x, per_y = (1000 * u / denominator for u in unit)
    width, height = frame[0] - 2 * BORDER_MM, frame[1] - 2 * BORDER_MM
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    half_x, half_y = width / per_x / 2, height / per_y / 2
    size = (box.right - box.left) * per_x, (box.top - box.bottom) * per_y
    return Layout(
        kind=kind,
        frame_mm=frame,
        window=(x - half_x, y - half_y, x + half_x, y + half_y),
        denominator=denominator,
        unit_m=unit,
        grid_mm=((frame[0] - size[0]) / 2, (frame[1] - size[1]) / 2, *size),
    )


def describe_crs(grid: GeoBox) -> str:
    """Return the projection in words, with its EPSG code where it has one."""
    crs = CRS.from_user_input(str(grid.crs))
    code = crs.to_epsg()
    if code is not None:
        return f"{crs.name} (EPSG:{code})"
    operation = crs.coordinate_operation
    if operation is None:
        return crs.name
    values = {p.name.lower(): p.value for p in operation.params}
    centre = [
        next((v for k, v in values.items() if word in k and "origin" in k), None)
        for word in ("latitude", "longitude")
    ]
    name = operation.method_name
    if None in centre:
        return f"{name}, {crs.datum.name if crs.datum else 'WGS 84'}"
    lat, lon = (float(v) for v in centre if v is not None)
    return (
        f"{name}, centred on {abs(lat):g}° {'N' if lat >= 0 else 'S'} "
        f"{abs(lon):g}° {'E' if lon >= 0 else 'W'}, WGS 84"
    )
