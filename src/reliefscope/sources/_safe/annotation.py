"""What a Sentinel-1 ground range product says of its own geometry and radiometry.

Sentinel-1 Product Specification, S1-RS-MDA-52-7441.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import IntegrityError
from reliefscope.sources._safe.markup import Node

Floats = NDArray[np.float64]
_Number = np.integer[Any] | np.floating[Any]

_LEAST_ORBIT_VECTORS = 6
"""The orbit is fitted by polynomials of degree five."""
_LEAST_TIE_POINTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Lut:
    """Values along range on some lines of an image, linear between them.

    The points along range may differ from line to line, as they do in noise annotations.
    """

    lines: Floats
    """Rising."""
    pixels: tuple[Floats, ...]
    """By line; rising."""
    values: tuple[Floats, ...]
    """By line, as many as `pixels`."""

    def over(self, rows: NDArray[_Number], columns: NDArray[_Number]) -> NDArray[np.float32]:
        """Return the values on every row and column; beyond the table its edge holds.

        Parameters
        ----------
        rows, columns : array, (y), (x)
            Lines and pixels of the image.

        Returns
        -------
        array, (y, x)
        """
        place = np.interp(rows, self.lines, np.arange(len(self.lines)))
        before = np.floor(place).astype(int)
        after = np.minimum(before + 1, len(self.lines) - 1)
        first, last = int(before.min()), int(after.max())
        along = np.stack(
            [
                np.interp(columns, self.pixels[i], self.values[i]).astype(np.float32)
                for i in range(first, last + 1)
            ]
        )
        share = (place - before).astype(np.float32)[:, None]
        out: NDArray[np.float32] = along[before - first] * (1 - share)
        out += along[after - first] * share
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class AzimuthNoise:
    """How the noise of one part of an image changes along the orbit."""

    first: tuple[int, int]
    """Line and pixel."""
    last: tuple[int, int]
    """Line and pixel, inclusive."""
    lines: Floats
    factors: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Thermal noise in squared digital numbers."""

    along_range: Lut
    along_azimuth: tuple[AzimuthNoise, ...] = ()
    """Factors on the noise; none before version 2.9 of ESA's processor."""

    def over(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the noise on every row and column, (y, x)."""
        noise = self.along_range.over(rows, columns)
        for part in self.along_azimuth:
            y = slice(*np.searchsorted(rows, (part.first[0], part.last[0] + 1)))
            x = slice(*np.searchsorted(columns, (part.first[1], part.last[1] + 1)))
            factor = np.interp(rows[y], part.lines, part.factors).astype(np.float32)
            noise[y, x] *= factor[:, None]
        return noise


@dataclass(frozen=True, slots=True, kw_only=True)
class TiePoints:
    """Where some pixels of an image lie, as its processor found; all of one length."""

    line: Floats
    pixel: Floats
    longitude: Floats
    """[degrees]."""
    latitude: Floats
    """[degrees]."""
    height: Floats
    """Above the ellipsoid [m]."""
    incidence: Floats
    """On the ellipsoid [degrees]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundRange:
    """How slant range becomes ground range; records along the orbit, linear between them."""

    times: Floats
    """Since the first line [s], (n)."""
    origin: Floats
    """Slant range where each polynomial starts [m], (n)."""
    coefficients: Floats
    """Rising powers of slant range less the origin, (n, degree + 1)."""

    def at(self, times: Floats, slant_range: Floats) -> Floats:
        """Return the ground range from the first sample [m].

        Parameters
        ----------
        times : array, any shape
            Since the first line [s].
        slant_range : array, shape of ``times``
            [m].
        """
        reach = slant_range - np.interp(times, self.times, self.origin)
        total = np.zeros_like(reach)
        for column in self.coefficients.T[::-1]:
            total = total * reach + np.interp(times, self.times, column)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Geometry of one image."""

    shape: tuple[int, int]
    """Lines and samples."""
    spacing: tuple[float, float]
    """Along azimuth and ground range [m]."""
    first_line: np.datetime64
    """UTC."""
    line_interval: float
    """[s]."""
    orbit_times: NDArray[np.datetime64]
    """UTC, (n)."""
    orbit_positions: Floats
    """Earth-fixed, (n, 3) [m]."""
    ground_range: GroundRange
    tie_points: TiePoints

    @property
    def incidence(self) -> Lut:
        """Incidence angle on the ellipsoid [degrees]."""
        points = self.tie_points
        groups = [np.flatnonzero(points.line == line) for line in np.unique(points.line)]
        groups = [group[np.argsort(points.pixel[group])] for group in groups]
        return Lut(
            lines=np.unique(points.line),
            pixels=tuple(points.pixel[g] for g in groups),
            values=tuple(points.incidence[g] for g in groups),
        )


def read_annotation(root: Node) -> Annotation:
    """Return the geometry that a product annotation states.

    Raises
    ------
    IntegrityError
        Something is missing or malformed, or the image is not in ground range.
    """
    projection = root.text(".//productInformation/projection")
    if projection != "Ground Range":
        raise IntegrityError(f"{root.place} is in {projection!r}; only ground range is read")
    image = root.find(".//imageInformation")
    first_line = image.instant("productFirstLineUtcTime")
    orbit = root.some(".//orbitList/orbit", _LEAST_ORBIT_VECTORS)
    times = np.array([vector.instant("time") for vector in orbit])
    _check_rising(times, root, "orbit times")
    return Annotation(
        shape=(int(image.positive("numberOfLines")), int(image.positive("numberOfSamples"))),
        spacing=(image.positive("azimuthPixelSpacing"), image.positive("rangePixelSpacing")),
        first_line=first_line,
        line_interval=image.positive("azimuthTimeInterval"),
        orbit_times=times,
        orbit_positions=np.array([[v.number(f"position/{axis}") for axis in "xyz"] for v in orbit]),
        ground_range=_ground_range(root, first_line),
        tie_points=_tie_points(root),
    )


def read_calibration(root: Node) -> Lut:
    """Return the table that turns digital numbers into sigma0.

    Raises
    ------
    IntegrityError
        Something is missing or malformed.
    """
    table = _lut(root.some(".//calibrationVector"), "sigmaNought")
    if min(values.min() for values in table.values) <= 0:
        raise IntegrityError(f"{root.place}: sigmaNought must be above 0; fetch the product again")
    return table


def read_noise(root: Node) -> Noise:
    """Return the thermal noise, in the format before or since version 2.9 of the processor.

    Raises
    ------
    IntegrityError
        Something is missing or malformed.
    """
    if old := root.all(".//noiseVector"):
        return Noise(along_range=_lut(old, "noiseLut"))
    return Noise(
        along_range=_lut(root.some(".//noiseRangeVector"), "noiseRangeLut"),
        along_azimuth=tuple(_azimuth_noise(node) for node in root.all(".//noiseAzimuthVector")),
    )


def _azimuth_noise(node: Node) -> AzimuthNoise:
    lines, factors = _pair(node, "line", "noiseAzimuthLut")
    return AzimuthNoise(
        first=(node.whole("firstAzimuthLine"), node.whole("firstRangeSample")),
        last=(node.whole("lastAzimuthLine"), node.whole("lastRangeSample")),
        lines=lines,
        factors=factors,
    )


def _lut(vectors: Sequence[Node], name: str) -> Lut:
    pairs = [_pair(vector, "pixel", name) for vector in vectors]
    lines = np.array([vector.number("line") for vector in vectors])
    _check_rising(lines, vectors[0], "lines")
    return Lut(
        lines=lines,
        pixels=tuple(pixels for pixels, _ in pairs),
        values=tuple(values for _, values in pairs),
    )


def _pair(node: Node, places: str, values: str) -> tuple[Floats, Floats]:
    """Return places along a line or column, and the values there."""
    x, y = node.numbers(places), node.numbers(values)
    if len(x) != len(y):
        raise IntegrityError(
            f"{node.place}: {len(y)} {values} stand at {len(x)} places; fetch the product again"
        )
    _check_rising(x, node, places)
    return x, y


def _check_rising(values: NDArray[Any], node: Node, name: str) -> None:
    if not (values[1:] > values[:-1]).all():
        raise IntegrityError(f"{node.place}: {name} must rise; fetch the product again")


def _ground_range(root: Node, first_line: np.datetime64) -> GroundRange:
    records = root.some(".//coordinateConversion/coordinateConversionList/coordinateConversion")
    coefficients = [r.numbers("srgrCoefficients") for r in records]
    if len({len(c) for c in coefficients}) != 1:
        raise IntegrityError(
            f"{root.place}: srgrCoefficients differ in number; fetch the product again"
        )
    instants = np.array([record.instant("azimuthTime") for record in records])
    _check_rising(instants, root, "times of coordinate conversion")
    return GroundRange(
        times=(instants - first_line) / np.timedelta64(1, "s"),
        origin=np.array([r.number("sr0") for r in records]),
        coefficients=np.array(coefficients),
    )


def _tie_points(root: Node) -> TiePoints:
    points = root.some(".//geolocationGridPoint", _LEAST_TIE_POINTS)
    names = ("line", "pixel", "longitude", "latitude", "height", "incidenceAngle")
    columns = np.array([[point.number(name) for name in names] for point in points]).T
    if np.ptp(columns[0]) == 0 or np.ptp(columns[1]) == 0:
        raise IntegrityError(
            f"{root.place}: the geolocation grid lies on one line; fetch the product again"
        )
    return TiePoints(**dict(zip(_TIE_FIELDS, columns, strict=True)))


_TIE_FIELDS = ("line", "pixel", "longitude", "latitude", "height", "incidence")
