"""Pieces of pages that the apps share: frame, tables, legend, charts."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from markupsafe import Markup

from reliefscope.products.onscreen import Scale
from reliefscope.views.map import Key
from reliefscope.views.markup import Content, element, joined
from reliefscope.words import Words, languages, words_in

APPS = ("briefing", "explorer", "climate")
LANGUAGE_NAMES: Mapping[str, str] = {
    code: words_in(code).locale.get_display_name(code) or code for code in languages()
}


def frame(words: Words, app: str, *, side: Content, main: Content, theme: str) -> Markup:
    """Return the frame of a page: bar, marks, a side column, and what is shown."""
    return joined(
        _bar(words, app, theme),
        element("div", role="status", aria_live="polite", class_="status", data_region="status"),
        element("section", data_region="marks", aria_label=words("Warnings")),
        element(
            "div",
            element("aside", side, class_="side", aria_label=words("Choose")),
            element("main", main, class_="main", id="main", tabindex="-1"),
            class_="work",
        ),
        element(
            "footer",
            words("Facts come from published products; every number can be traced to its images."),
            class_="foot",
        ),
    )


def _bar(words: Words, app: str, theme: str) -> Markup:
    names = {
        "briefing": words("Briefing"),
        "explorer": words("Explorer"),
        "climate": words("Climate"),
    }
    links = [
        element("a", name, href=key, aria_current="page" if key == app else None)
        for key, name in names.items()
    ]
    choices = [
        element(
            "option", LANGUAGE_NAMES[code], value=code, lang=code, selected=code == words.language
        )
        for code in languages()
    ]
    dark = theme == "dark"
    return element(
        "header",
        element(
            "button",
            words("Skip to the content"),
            type="button",
            class_="skip",
            data_jump="main",
        ),
        element("span", "ReliefScope", class_="brand"),
        element("nav", links, aria_label=words("Applications")),
        element(
            "label",
            words("Language"),
            element("select", choices, id="language", data_act="language"),
        ),
        element(
            "button",
            words("Light colours") if dark else words("Dark colours"),
            type="button",
            id="theme",
            data_act="theme",
        ),
        class_="top",
    )


def box(heading: str, *content: Content, id_: str | None = None, region: str = "") -> Markup:
    """Return a section with its heading."""
    key = id_ or (f"box_{region}" if region else None)
    return element(
        "section",
        element("h2", heading, id=key and f"{key}_h"),
        element("div", *content, data_region=region or None),
        class_="box",
        id=key,
        aria_labelledby=key and f"{key}_h",
    )


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[Content]], numbers: int = 1
) -> Markup:
    """Return a table; columns from ``numbers`` on are figures, the first names the row."""

    def cell(i: int, content: Content, *, header: bool = False) -> Markup:
        name = "th" if header or i == 0 else "td"
        scope = ("col" if header else "row") if name == "th" else None
        return element(name, content, class_="n" if i >= numbers else None, scope=scope)

    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", [cell(i, c, header=True) for i, c in enumerate(head)])),
            element(
                "tbody",
                [element("tr", [cell(i, c) for i, c in enumerate(r)]) for r in rows],
            ),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def button(text: str, act: str, arg: str = "", **more: object) -> Markup:
    """Return a button that says ``act``."""
    return element("button", text, type="button", data_act=act, data_arg=arg or None, **more)


_SHORT_UNITS = {
    "1": "", "percent": "%", "degree": "°", "degree_Celsius": "°C", "m s-1": "m/s", "K2": "K²",
    "m3 m-3": "m³/m³", "J m-2": "J/m²",
}  # fmt: skip
"""How units are written on screens, where the table of variables has them for machines."""


def legend(keys: Iterable[Key]) -> Markup:
    """Return swatches with their names."""
    lines = [element("li", swatch(key), element("span", key.label)) for key in keys]
    return element("ul", lines, class_="legend") if lines else Markup("")


def swatch(key: Key) -> Markup:
    """Return a patch of colour, or of the same hatching as on the map."""
    style = f"background:{key.colour}"
    if key.pattern:
        lines = "repeating-linear-gradient(-45deg,#a86c1c 0 1.5px,#fff0d6 1.5px 6px)"
        if key.pattern == "dense":
            crossed = "repeating-linear-gradient(45deg,#85858a 0 1.3px,transparent 1.3px 6px)"
            lines = f"{crossed},repeating-linear-gradient(-45deg,#85858a 0 1.3px,#fff 1.3px 6px)"
        style = f"background:{lines}"
    return element("span", class_="swatch", style=style, aria_hidden="true")


def ramp(scale: Scale, words: Words) -> Markup:
    """Return the colours of a quantity with both ends."""
    digits = 0 if scale.high - scale.low > 9 else 1  # noqa: PLR2004 - figures worth telling
    units = _SHORT_UNITS.get(scale.units, scale.units)
    ends = [f"{words.number(v, digits)} {units}".strip() for v in (scale.low, scale.high)]
    return element(
        "div",
        element(
            "div",
            class_="ramp",
            style=f"background:linear-gradient(to right,{','.join(scale.colours)})",
            aria_hidden="true",
        ),
        element("div", *(element("span", end) for end in ends), class_="ends", dir="ltr"),
    )


def line_chart(
    title: str, points: Sequence[tuple[float, float]], ticks: Mapping[float, str], unit: str
) -> Markup:
    """Return a series as a drawing in lines; the numbers themselves stand in a table beside it.

    Parameters
    ----------
    title : str
        What is drawn.
    points : sequence of (float, float)
        In order of the first number.
    ticks : mapping of float to str
        Labels along the first number.
    unit : str
        Of the second number.
    """
    if not points:
        return Markup("")
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    low, high = min(*ys, 0.0), max(*ys, 0.0)
    place = _Places(xs[0], xs[-1], low, high)
    path = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in points)
    marks = [
        f'<text x="{place.x(at):.1f}" y="196" text-anchor="middle">{escape(text)}</text>'
        for at, text in ticks.items()
    ]
    levels = [
        f'<line x1="54" x2="596" y1="{place.y(v):.1f}" y2="{place.y(v):.1f}" '
        f'stroke="currentColor" stroke-opacity="0.25"/><text x="50" y="{place.y(v) + 4:.1f}" '
        f'text-anchor="end">{v:.3g}</text>'
        for v in dict.fromkeys((low, 0.0, high))
    ]
    dots = [
        f'<circle cx="{place.x(x):.1f}" cy="{place.y(y):.1f}" r="2.6" fill="currentColor"/>'
        for x, y in (points if len(points) < 60 else points[-1:])  # noqa: PLR2004 - dots worth drawing
    ]
    inner = "".join([*levels, *marks, *dots])
    drawn = (
        f'<svg class="chart" viewBox="0 0 610 204" role="img" aria-label="{escape(title)}" '
        f'dir="ltr" font-size="12" fill="currentColor">{inner}<text x="54" y="12">'
        f'{escape(unit)}</text><polyline points="{path}" fill="none" stroke="currentColor" '
        f'stroke-width="2"/></svg>'
    )
    return Markup(drawn)  # noqa: S704 - numbers, and text that is escaped


def bar_chart(
    title: str,
    edges: Sequence[float],
    heights: Sequence[int],
    lines: Mapping[str, float],
    unit: str,
) -> Markup:
    """Return a histogram with lines at given values, such as thresholds."""
    if not heights or max(heights) == 0:
        return Markup("")
    place = _Places(edges[0], edges[-1], 0.0, float(max(heights)))
    bars = [
        f'<rect x="{place.x(a):.1f}" y="{place.y(h):.1f}" fill="currentColor" '
        f'fill-opacity="0.55" width="{max(place.x(b) - place.x(a) - 0.6, 0.4):.1f}" '
        f'height="{place.y(0) - place.y(h):.1f}"/>'
        for a, b, h in zip(edges[:-1], edges[1:], heights, strict=True)
    ]
    drawn = [
        f'<line x1="{place.x(v):.1f}" x2="{place.x(v):.1f}" y1="18" y2="176" stroke="#c2185b" '
        f'stroke-width="2"/><text x="{place.x(v) + 4:.1f}" y="26">{escape(name)}</text>'
        for name, v in lines.items()
        if edges[0] <= v <= edges[-1]
    ]
    ends = [
        f'<text x="{place.x(v):.1f}" y="196" text-anchor="middle">{v:.3g}</text>'
        for v in (edges[0], (edges[0] + edges[-1]) / 2, edges[-1])
    ]
    inner = "".join([*bars, *drawn, *ends])
    svg = (
        f'<svg class="chart" viewBox="0 0 610 204" role="img" aria-label="{escape(title)}" '
        f'dir="ltr" font-size="12" fill="currentColor">{inner}'
        f'<text x="596" y="12" text-anchor="end">{escape(unit)}</text></svg>'
    )
    return Markup(svg)  # noqa: S704 - numbers, and text that is escaped


class _Places:
    """Where values lie on a drawing of 610 by 204."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self._left, self._low = left, low
        self._wide, self._tall = (right - left) or 1.0, (high - low) or 1.0

    def x(self, value: float) -> float:
        return 54 + 542 * (value - self._left) / self._wide

    def y(self, value: float) -> float:
        return 176 - 156 * (value - self._low) / self._tall
