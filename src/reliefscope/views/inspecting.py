"""Regions of the explorer as markup: images found, settings, layers, histogram, accuracy."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reliefscope.errors import InputError
from reliefscope.indicators import Bounds, Indicator
from reliefscope.model.event import Event, Hazard
from reliefscope.products import onscreen
from reliefscope.products.facts import Facts
from reliefscope.products.inspection import BETWEEN
from reliefscope.products.sheet import wording
from reliefscope.products.telling import as_text
from reliefscope.views.markup import element, joined
from reliefscope.views.parts import bar_chart, button, legend, ramp, table
from reliefscope.views.store import class_keys
from reliefscope.views.wording import FACTS, HAZARDS, fact_name, measure_name
from reliefscope.words import Words

_STEPS, _FINEST = 100, 1e-7
_MOST_EVENTS = 60
_SIGNATURES: Mapping[str, tuple[bytes, ...]] = {
    ".tif": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ".tiff": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ".gpkg": (b"SQLite format 3\x00",),
    ".geojson": (b"{",),
    ".json": (b"{",),
}


def events(found: Mapping[str, Event], chosen: str, words: Words) -> Markup:
    """Return the events of the feeds as a list to choose from."""
    lines = [
        element(
            "li",
            element(
                "button",
                element(
                    "span",
                    f"{words(HAZARDS[e.hazard])} · ",
                    element("bdi", f"{words.short_moment(e.onset)} UTC", dir="ltr"),
                    class_="more",
                ),
                element("bdi", e.title, class_="what"),
                element("bdi", e.area.name, class_="more"),
                type="button",
                data_act="event",
                data_arg=key,
                aria_current="true" if key == chosen else None,
            ),
        )
        for key, e in list(found.items())[:_MOST_EVENTS]
    ]
    return element("ul", lines, class_="events") if lines else Markup("")


def outlook(found: Any, words: Words) -> Markup:  # noqa: ANN401 - an Outlook, or None
    """Return the images that would be read, with cover, age and the reason for each choice."""
    if found is None:
        return element("p", words("Looking for images"))
    rows = [
        (
            words(wording.ROLES[g.role]) if g.role in wording.ROLES else g.role,
            element("code", g.id),
            g.source,
            (g.acquired or "-")[:16].replace("T", " "),
            "" if g.age_hours is None or g.age_hours < 0 else words.number(g.age_hours),
            words("{number} %", number=words.number(100 * g.cover)),
        )
        for g in found.granules
    ]
    reasons = [
        element("li", f"{words(wording.ROLES[r]) if r in wording.ROLES else r}: ",
                element("span", why, lang="en", dir="ltr"))
        for r, why in found.reasons.items()
    ]  # fmt: skip
    coming = [
        element("li", f"{p.expected:%Y-%m-%d %H:%M} UTC", dir="ltr") for p in found.expected[:4]
    ]
    return joined(
        element("p", found.problem, class_="banner stale") if found.problem else None,
        table(
            words("What would be read"),
            [words("Use"), words("Image"), words("Source"), words("Acquired, UTC"),
             words("Age, hours"), words("Cover")],
            rows,
            numbers=3,
        )
        if rows
        else None,
        element("details", element("summary", words("Why these")), element("ul", reasons),
                id="why"),
        joined(element("h3", words("Expected passes")), element("ul", coming)) if coming else None,
    )  # fmt: skip


def settings(
    request: Any,  # noqa: ANN401 - a Request
    choices: Mapping[str, Indicator],
    *,
    step: str,
    words: Words,
) -> Markup:
    """Return the parameters of an indicator as sliders, read off its signature, and its run."""
    indicator = choices[request.indicator]
    sliders = []
    for name, (default, bounds) in indicator.parameters.items():
        value = request.parameters.get(name, default)
        unit = "" if bounds.unit == "1" else f" [{bounds.unit}]"
        sliders.append(
            element(
                "label",
                element(
                    "span",
                    element("bdi", name.replace("_", " ") + unit, lang="en"),
                    ": ",
                    element("output", f"{value:g}", id=f"out_{name}"),
                ),
                element(
                    "input",
                    type="range",
                    name=name,
                    id=f"in_{name}",
                    min=bounds.low,
                    max=bounds.high,
                    step=f"{_step(bounds, default):g}",
                    value=value,
                    data_out=f"out_{name}",
                    dir="ltr",
                ),
                class_="field",
            )
        )
    options = [
        element("option", name, value=name, selected=name == request.indicator) for name in choices
    ]
    busy = bool(step)
    return joined(
        element(
            "label",
            element("span", words("Indicator")),
            element("select", options, id="indicator", data_act="indicator"),
            class_="field",
        ),
        element("p", indicator.title, class_="fine", lang="en", dir="ltr"),
        element(
            "form",
            element("div", sliders, class_="pair"),
            element(
                "p",
                element("button", words("Run"), type="submit", class_="main", id="run",
                        disabled=busy),
                " ",
                button(words("Stop"), "stop", id="stop", disabled=not busy),
            ),
            data_act="run",
        ),
        joined(
            element("label", step, element("progress", id="progress", aria_label=step)),
        )
        if busy
        else None,
    )  # fmt: skip


def _step(bounds: Bounds, default: float) -> float:
    """Return a round step of about a hundredth of the range, fine enough for the default."""
    span, place = bounds.high - bounds.low, default - bounds.low
    step = float(10 ** math.floor(math.log10(span / _STEPS))) if span > 0 else 1.0
    while abs(round(place / step) * step - place) > _FINEST * span:
        step /= 10
    return step


def parameters(indicator: Indicator, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the parameters that differ from their defaults.

    Raises
    ------
    InputError
        A value is no number.
    """
    changed = {}
    for name, (default, _) in indicator.parameters.items():
        try:
            value = float(given.get(name, default))
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} is no number; move its slider") from error
        if not math.isclose(value, default, rel_tol=1e-9, abs_tol=1e-12):
            changed[name] = value
    return changed


def layer_choice(folder: Path, names: Sequence[str], shown: str, words: Words) -> Markup:
    """Return a choice among all layers of a run, and the legend of the one that is shown."""
    options = [
        element("option", measure_name(n, words), value=n, selected=n == shown) for n in names
    ]
    scale = onscreen.scale(folder, shown)
    keys = class_keys(folder, shown, words)
    return joined(
        element(
            "label",
            element("span", words("Layer")),
            element("select", options, id="look", data_act="look", size=12),
            class_="field",
        ),
        ramp(scale, words) if scale else legend(keys),
    )


def histogram(folder: Path, shown: str, facts: Facts, words: Words) -> Markup:
    """Return the histogram of a quantity with the thresholds that divide it."""
    scale = onscreen.scale(folder, shown)
    if scale is None:
        return element("p", words("Classes have no histogram; choose a quantity."))
    edges, heights = onscreen.counts(folder, shown)
    bare = shown.rpartition(BETWEEN)[2]
    stem = bare.removesuffix("_db")
    lines = {
        as_text(facts[key], words): float(facts[key].value)  # type: ignore[arg-type]
        for key in (f"threshold_{stem}_db", f"threshold_{bare}")
        if key in facts and facts[key].value is not None
    }
    title = measure_name(shown, words)
    told = " · ".join(words("Threshold: {value}", value=name) for name in lines)
    return joined(
        bar_chart(words("Histogram of {name}", name=title), edges, heights, lines, scale.units),
        element("p", told) if told else None,
    )


def numbers(now: Facts, earlier: Facts | None, hazard: Hazard, words: Words) -> Markup:
    """Return the numbers of a run, beside those of the run before it."""
    keys = [k for k in FACTS if k in now and now[k].value is not None]
    head = [words("Number"), words("This run")]
    rows: list[list[Any]] = [[fact_name(k, hazard, words), as_text(now[k], words)] for k in keys]
    if earlier is not None:
        head.append(words("Run before"))
        rows = [
            [*row, as_text(earlier[k], words) if k in earlier else ""]
            for k, row in zip(keys, rows, strict=True)
        ]
    return table(words("Numbers of the run"), head, rows)


def accuracy(found: Any, *, can_rehearse: bool, words: Words) -> Markup:  # noqa: ANN401 - Agreement
    """Return how far a run agrees with a reference, and ways to give one."""
    told = None
    if found is not None:
        counts = found.counts
        rows = [
            (name, words.number(value, 3))
            for name, value in (
                ("IoU", counts.iou),
                ("F1", counts.f1),
                (words("Precision"), counts.precision),
                (words("Recall"), counts.recall),
            )
        ]
        rows.append(
            (
                words("Compared"),
                words("{number} %", number=words.number(100 * found.compared_fraction)),
            )
        )
        told = table(words("Agreement with the reference"), [words("Number"), words("Value")], rows)
    return joined(
        told,
        button(words("Compare with the truth of the exercise"), "truth", id="truth")
        if can_rehearse
        else None,
        element(
            "label",
            element("span", words("Reference map (GeoTIFF, GeoJSON, GeoPackage)")),
            element("input", type="file", id="reference", data_act="reference",
                    accept=".tif,.tiff,.geojson,.gpkg"),
            class_="field",
        ),
    )  # fmt: skip


def check_reference(suffix: str, content: bytes) -> None:
    """Raise InputError unless a file begins as its name promises."""
    if not content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_SIGNATURES[suffix]):
        raise InputError(f"the file is no {suffix.lstrip('.')}; export it again")
