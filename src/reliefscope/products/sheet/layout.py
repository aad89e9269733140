"""Where the map stands on the page, at which scale, and what part of the world it shows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from odc.geo.geobox import GeoBox
from pyproj import CRS

from reliefscope.errors import InputError
from reliefscope.model.grid import pixel_size_m

PAPERS: dict[str, tuple[float, float]] = {"A3": (297.0, 420.0), "A4": (210.0, 297.0)}
"""Short and long side of the sheets (ISO 216) [mm]."""
MARGIN_MM, GAP_MM, GUTTER_MM = 8.0, 3.5, 4.5
HEADER_MM = {"A3": 23.0, "A4": 19.0}
BORDER_MM = 4.6
"""Strip between the two lines of the frame, for the labels of the graticule."""
_PADDING = 1.03
_SIDE_MM = {"wide": 99.0, "portrait": 96.0}
_FRONT_SIDE_MM = (84.0, 68.0)
"""Column of the front of a folded sheet, across and upright."""
_STRIP_MM, _STRIP_PER_REMARK_MM, _USUAL_REMARKS, _MOST_REMARKS = 39.0, 2.3, 3, 12
_UPRIGHT_STRIP_MM = 58.0
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
    """``wide``: the map above a strip of text, a column beside it; ``tall``: the map beside two
    columns; ``portrait``: upright, the strip across the page; ``front``: a column beside the map,
    the rest on the back."""
    page_mm: tuple[float, float]
    """Width and height of the paper."""
    header_mm: float
    """Height of the title block."""
    side_mm: float
    """Width of each column of text beside the map."""
    frame_mm: tuple[float, float]
    """Width and height of the map with its border."""
    window: tuple[float, float, float, float]
    """Left, bottom, right, top of the map, in the product's projection."""
    denominator: float
    """The map is 1 : ``denominator``, true at its middle."""
    unit_m: tuple[float, float]
    """Ground length of one unit of the projection along x and y, at the middle [m]."""
    grid_mm: tuple[float, float, float, float]
    """Left, top, width, height of the pixels shown within the frame."""
    paper: str = "A3"
    part: tuple[slice, slice] | None = None
    """Rows and columns of the product that a detail sheet shows; None for all of it."""

    @property
    def map_mm(self) -> tuple[float, float]:
        """Width and height of the map inside its border."""
        return self.frame_mm[0] - 2 * BORDER_MM, self.frame_mm[1] - 2 * BORDER_MM

    @property
    def upright(self) -> bool:
        """Whether the page is higher than wide."""
        return self.page_mm[1] > self.page_mm[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrangement:
    """One way to fill a page."""

    kind: str
    page_mm: tuple[float, float]
    most_mm: tuple[float, float]
    """Greatest width and height of the map's frame."""


def nice_denominator(least: float) -> float:
    """Return the smallest round scale denominator that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(s * power for s in _STEPS if s * power >= least * (1 - 1e-9))


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is not above ``longest``."""
    power = 10.0 ** math.floor(math.log10(longest) + 1e-9)
    return max(s for s in (1.0, 2.0, 5.0) if s * power <= longest * (1 + 1e-9)) * power


def known_paper(name: str) -> str:
    """Return the name of a paper as it is written here.

    Raises
    ------
    InputError
        There is no sheet on it.
    """
    paper = name.strip().upper()
    if paper not in PAPERS:
        raise InputError(f"no sheet on paper {name!r}; give one of {', '.join(PAPERS)}")
    return paper


def plan_layout(grid: GeoBox, remarks: int = 0, paper: str = "A3") -> Layout:
    """Return the arrangement in which ``grid`` is largest; across where two are as large.

    Parameters
    ----------
    grid : GeoBox
        The pixels to be shown.
    remarks : int
        Flags, notes and failed gates to be printed below a map, which gives way to them.
    paper : str
        One of `PAPERS`.

    Raises
    ------
    InputError
        The paper is another one.
    """
    paper = known_paper(paper)
    box = grid.boundingbox
    dy, dx = pixel_size_m(grid)
    unit = (dx / abs(grid.affine.a), dy / abs(grid.affine.e))
    ground = ((box.right - box.left) * unit[0], (box.top - box.bottom) * unit[1])
    choices = list(_arrangements(paper, remarks))
    chosen = min(choices, key=lambda a: _denominator(ground, a.most_mm))
    denominator = _denominator(ground, chosen.most_mm)
    frame = chosen.most_mm
    if chosen.kind == "tall":
        needed = ground[0] * _PADDING * 1000 / denominator + 2 * BORDER_MM
        frame = min(max(needed, _TALL_WIDTH_MM[0]), _TALL_WIDTH_MM[1]), frame[1]
    room = chosen.page_mm[0] - 2 * MARGIN_MM - frame[0]
    return Layout(
        kind=chosen.kind,
        page_mm=chosen.page_mm,
        header_mm=HEADER_MM[paper],
        side_mm=(room - 2 * GUTTER_MM) / 2 if chosen.kind == "tall" else room - GAP_MM,
        paper=paper,
        **_placed(frame, denominator, unit, grid),
    )


def plan_detail(whole: Layout, grid: GeoBox, part: tuple[slice, slice], remarks: int) -> Layout:
    """Return the layout of a detail sheet that shows a part of the pixels of ``grid``."""
    return replace(plan_layout(grid[part], remarks, whole.paper), part=part)


def _arrangements(paper: str, remarks: int) -> Iterator[_Arrangement]:
    """Yield the ways to fill a page of ``paper``, across first."""
    short, long = PAPERS[paper]
    above = 2 * MARGIN_MM + HEADER_MM[paper] + GAP_MM
    across, upright = (long, short), (short, long)
    if paper == "A4":
        for page, side in zip((across, upright), _FRONT_SIDE_MM, strict=True):
            most = page[0] - 2 * MARGIN_MM - side - GAP_MM, page[1] - above
            yield _Arrangement(kind="front", page_mm=page, most_mm=most)
        return
    more = min(max(remarks, _USUAL_REMARKS), _MOST_REMARKS) - _USUAL_REMARKS
    strips = {"wide": (across, _STRIP_MM), "portrait": (upright, _UPRIGHT_STRIP_MM)}
    found = []
    for kind, (page, strip) in strips.items():
        below = strip + more * _STRIP_PER_REMARK_MM + GAP_MM
        most = page[0] - 2 * MARGIN_MM - _SIDE_MM[kind] - GAP_MM, page[1] - above - below
        found.append(_Arrangement(kind=kind, page_mm=page, most_mm=most))
    tall = _Arrangement(kind="tall", page_mm=across, most_mm=(_TALL_WIDTH_MM[1], short - above))
    yield from (found[0], tall, found[1])


def _denominator(ground_m: tuple[float, float], frame_mm: tuple[float, float]) -> float:
    fits = (
        metres * _PADDING * 1000 / (mm - 2 * BORDER_MM)
        for metres, mm in zip(ground_m, frame_mm, strict=True)
    )
    return nice_denominator(max(fits))


def _placed(
    frame: tuple[float, float], denominator: float, unit: tuple[float, float], grid: GeoBox
) -> dict[str, Any]:
    """Return the fields of a layout with the grid in the middle of its frame."""
    box = grid.boundingbox
    per_x, per_y = (1000 * u / denominator for u in unit)
    width, height = frame[0] - 2 * BORDER_MM, frame[1] - 2 * BORDER_MM
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    half_x, half_y = width / per_x / 2, height / per_y / 2
    size = (box.right - box.left) * per_x, (box.top - box.bottom) * per_y
    return {
        "frame_mm": frame,
        "window": (x - half_x, y - half_y, x + half_x, y + half_y),
        "denominator": denominator,
        "unit_m": unit,
        "grid_mm": ((frame[0] - size[0]) / 2, (frame[1] - size[1]) / 2, *size),
    }


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
