"""Where names go on the map: the important ones first, none over another."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from reliefscope.products.sheet.pen import MM_PER_POINT
from reliefscope.products.sheet.text import FONT_FAMILIES, register_fonts

Box = tuple[float, float, float, float]


def text_size_mm(text: str, points: float, weight: str = "regular") -> tuple[float, float]:
    """Return the width and height of one line of text [mm]."""
    register_fonts()
    font = FontProperties(family=list(FONT_FAMILIES), weight=weight)
    with rc_context({"text.parse_math": False}):  # $ is a letter like others
        box = TextPath((0, 0), text, size=points, prop=font).get_extents()
    return float(box.x1) * MM_PER_POINT, points * MM_PER_POINT


@dataclass(slots=True)
class Placer:
    """Room on a map of a given size, taken piece by piece [mm from the lower left]."""

    size_mm: tuple[float, float]
    margin_mm: float = 0.8
    taken: list[Box] = field(default_factory=list)

    def reserve(self, box: Box) -> None:
        """Keep ``box`` (left, bottom, right, top) free of names."""
        self.taken.append(box)

    def beside(self, x: float, y: float, size: tuple[float, float], gap: float) -> Box | None:
        """Take room for a name next to a point; None where there is none."""
        return self._first_free(_around(x, y, size, gap))

    def upon(self, x: float, y: float, size: tuple[float, float]) -> Box | None:
        """Take room for a name centred on a point; None where there is none."""
        width, height = size
        return self._first_free(
            iter([(x - width / 2, y - height / 2, x + width / 2, y + height / 2)])
        )

    def _first_free(self, candidates: Iterator[Box]) -> Box | None:
        for box in candidates:
            if self._inside(box) and not any(_overlap(box, other) for other in self.taken):
                self.taken.append(box)
                return box
        return None

    def _inside(self, box: Box) -> bool:
        left, bottom, right, top = box
        return (
            left >= self.margin_mm
            and bottom >= self.margin_mm
            and right <= self.size_mm[0] - self.margin_mm
            and top <= self.size_mm[1] - self.margin_mm
        )


def _around(x: float, y: float, size: tuple[float, float], gap: float) -> Iterator[Box]:
    """Yield boxes beside a point: right, left, above, below, then the corners (Imhof 1975)."""
    width, height = size
    for left, bottom in (
        (x + gap, y + gap / 3),
        (x + gap, y - height / 2),
        (x - gap - width, y + gap / 3),
        (x - gap - width, y - height / 2),
        (x - width / 2, y + gap),
        (x - width / 2, y - gap - height),
        (x + gap, y - gap - height / 2),
        (x - gap - width, y - gap - height / 2),
    ):
        yield (left, bottom, left + width, bottom + height)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
