"""Reference of all indicators, read off the code: what each needs, gives, and looks like."""

import base64
import html
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr

from reliefscope.errors import InputError, InsufficientDataError, NothingFoundError
from reliefscope.feeds.exercise import HAZARDS, exercise_event
from reliefscope.indicators import INDICATORS, Indicator, Need
from reliefscope.jobs.event_file import Request
from reliefscope.jobs.exercise import exercise_request
from reliefscope.jobs.situation import plan_request
from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, State
from reliefscope.model.event import Hazard
from reliefscope.pipeline.run import run
from reliefscope.products.pictures import layer_figure, png
from reliefscope.sources.simulated.illustration import IllustrationSource

_SIZE, _SEED = 640, 7
_DRAWN_SIZE, _DRAWN_PIXEL_M = 640, 60.0
_SHOWN = 4
_SHOWN_BY: Mapping[Hazard | None, Hazard] = {Hazard.CLIMATE: Hazard.DROUGHT, None: Hazard.STORM}
"""Exercises that show what has none of its own."""
_COARSE_M = 5000.0
"""Pixels of what has no hazard of its own: it reads four decades of days."""
_COMMON = ("state", "likelihood")
_ASIDE = ("advisory", "exclusion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Layers of one run of an indicator."""

    caption: str
    png: bytes


def describe(indicator: Indicator) -> dict[str, Any]:
    """Return everything an indicator says of itself, for JSON."""
    told = _parameter_texts(indicator)
    return {
        "name": indicator.name,
        "title": indicator.title,
        "hazard": None if indicator.hazard is None else str(indicator.hazard),
        "also": sorted(map(str, indicator.also)),
        "needs": {
            name: {
                "any_of": list(need.any_of),
                "days": None if need.days is None else list(need.days),
                "optional": need.optional,
                "series": need.series,
            }
            for name, need in indicator.needs.items()
        },
        "parameters": {
            name: {
                "default": default,
                "unit": bounds.unit,
                "low": bounds.low,
                "high": bounds.high,
                "meaning": told.get(name, ""),
            }
            for name, (default, bounds) in indicator.parameters.items()
        },
        "gives": {
            name: {"units": VARIABLES[name].units, "long_name": VARIABLES[name].long_name}
            for name in indicator.gives
        },
        "reference": indicator.reference,
    }


def find_indicator(name: str) -> Indicator:
    """Return an indicator by name. InputError: there is none; the names are given."""
    if name not in INDICATORS:
        raise InputError(f"no indicator {name!r}; there are {sorted(INDICATORS)}")
    return INDICATORS[name]


def need_in_words(need: Need) -> str:
    """Return what an input is, in a few words."""
    when = "any time"
    if need.days is not None:
        first, last = need.days
        when = f"day {first:+,} to {last:+,} from the onset"
    which = "every pass, " if need.series else ""
    return f"{' or '.join(need.any_of)} ({which}{when}{', optional' if need.optional else ''})"


def write_pages(
    folder: Path,
    *,
    cache: Path,
    examples: Mapping[str, Request],
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write one page per indicator and a list of them; return the list.

    Parameters
    ----------
    folder : Path
        Made when absent; pages of the same name are replaced.
    cache : Path
        Where worlds of exercises are kept.
    examples : mapping of str to Request
        Real events to show, by indicator.
    progress : callable
        Told each step in a few words.

    Raises
    ------
    InputError
        An example is of an indicator that there is not.
    """
    for name in examples:
        find_indicator(name)
    folder.mkdir(parents=True, exist_ok=True)
    for name, indicator in INDICATORS.items():
        progress(f"Describing {name}")
        pictures = [*_exercised(indicator, cache)]
        if name in examples:
            pictures.append(_picture(examples[name], examples[name].event.title))
        (folder / f"{name}.html").write_text(page(indicator, pictures), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_index(INDICATORS.values()), encoding="utf-8")
    return index


def _exercised(indicator: Indicator, cache: Path) -> Sequence[Picture]:
    """Return a picture on the exercise, or on a drawn landscape where it lacks the data."""
    shown_by = _SHOWN_BY.get(indicator.hazard, indicator.hazard)
    if shown_by not in HAZARDS:
        return []
    hazard = indicator.hazard or shown_by
    request, _ = exercise_request(shown_by, size=_SIZE, seed=_SEED, cache=cache)
    request = replace(
        request,
        indicator=indicator.name,
        event=replace(request.event, hazard=hazard),
        resolution=request.resolution if indicator.hazard else _COARSE_M,
    )
    try:
        return [_picture(request, request.event.title)]
    except (InputError, InsufficientDataError, NothingFoundError):
        return [_drawn(indicator, hazard)]


def _drawn(indicator: Indicator, hazard: Hazard) -> Picture:
    """Return a picture of the indicator on a landscape that is made up for it."""
    event = replace(exercise_event(size=_DRAWN_SIZE, seed=_SEED), hazard=hazard)
    request = Request(
        event=event,
        indicator=indicator.name,
        resolution=_DRAWN_PIXEL_M,
        sources={"illustration": IllustrationSource(event=event)},
    )
    return _picture(request, "EXERCISE: a landscape drawn for this picture")


def _picture(request: Request, caption: str) -> Picture:
    product = run(plan_request(request), request.sources)
    if bool((product.data["state"] == State.NOT_OBSERVED).all().compute()):
        raise InsufficientDataError("the exercise shows nothing to it", observed_fraction=0.0)
    return Picture(caption=caption, png=png(layer_figure(_worth_showing(product.data))))


def _worth_showing(data: xr.Dataset) -> list[xr.DataArray]:
    """Return what is special to the indicator, then what all of them state."""
    flat = [str(name) for name in data if set(data[name].dims) == {"y", "x"}]
    blank = {
        name
        for name in _COMMON
        if name in flat and bool((data[name] == NO_LIKELIHOOD).all().compute())
    }
    special = [name for name in flat if name not in {*_COMMON, *_ASIDE}]
    common = [name for name in _COMMON if name in flat and name not in blank]
    chosen = [*special[: _SHOWN - len(common)], *common]
    return [data[name].compute() for name in chosen]


def page(indicator: Indicator, pictures: Sequence[Picture] = ()) -> str:
    """Return the page of an indicator: HTML that needs no other file."""
    told = describe(indicator)
    needs = [(name, need_in_words(need)) for name, need in indicator.needs.items()]
    parameters = [
        (
            name,
            f"{p['default']:g}",
            _unit(p["unit"]),
            f"{p['low']:g} to {p['high']:g}",
            p["meaning"],
        )
        for name, p in told["parameters"].items()
    ]
    gives = [(name, _unit(g["units"]), g["long_name"]) for name, g in told["gives"].items()]
    parts = [
        f"<p>{html.escape(indicator.title)}.</p>",
        f"<p>Hazard: <b>{hazards(indicator)}</b>. Reference: {_link(indicator)}</p>",
        *(
            f'<figure><img alt="{html.escape(indicator.name)} on {html.escape(p.caption)}" '
            f'src="data:image/png;base64,{base64.b64encode(p.png).decode()}">'
            f"<figcaption>{html.escape(p.caption)}</figcaption></figure>"
            for p in pictures
        ),
        _table("Needs", ("input", "any one of"), needs),
        _table("Parameters", ("name", "default", "unit", "range", "meaning"), parameters),
        _table("Gives", ("layer", "unit", "meaning"), gives),
        f"<h2>In code</h2><pre>{html.escape(inspect.getdoc(indicator.compute) or '')}</pre>",
        '<p><a href="index.html">All indicators</a></p>',
    ]
    return _document(indicator.name, "\n".join(parts))


def hazards(indicator: Indicator) -> str:
    """Return the kinds of disaster that an indicator speaks of, in one line."""
    return ", ".join([str(indicator.hazard or "any"), *sorted(map(str, indicator.also))])


def _unit(unit: str) -> str:
    return "-" if unit == "1" else unit


def _link(indicator: Indicator) -> str:
    url = html.escape(indicator.reference)
    return f'<a href="{url}">{url}</a>' if url.startswith("https://") else url


def _index(indicators: Sequence[Indicator] | Any) -> str:  # noqa: ANN401 - any iterable of them
    rows = [
        (
            f'<a href="{i.name}.html">{i.name}</a>',
            html.escape(hazards(i)),
            html.escape(i.title),
        )
        for i in indicators
    ]
    cells = "".join(f"<tr><td>{a}</td><td>{b}</td><td>{c}</td></tr>" for a, b, c in rows)
    head = "<tr><th>indicator</th><th>hazard</th><th>method</th></tr>"
    return _document("Indicators", f"<table>{head}{cells}</table>")


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<h2>{title}</h2><table><tr>{top}</tr>{body}</table>"


_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #1b2733; background: #ffffff; }
h1, h2 { color: #16324f; line-height: 1.2; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #d5dbe1; }
td { vertical-align: top; }
img { max-width: 100%; }
figure { margin: 1rem 0; }
figcaption { color: #44525f; }
pre { background: #f4f6f8; padding: 1rem; overflow-x: auto; font-size: .85rem; }
"""


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)} - ReliefScope</title>\n<style>{_STYLE}</style></head>\n"
        f"<body>\n<h1>{html.escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


_FIELD = re.compile(r"^(\w[\w, ]*) : .*$|^(\w[\w, ]*)$")


def _parameter_texts(indicator: Indicator) -> Mapping[str, str]:
    """Return what the docstring says of each parameter."""
    lines = (inspect.getdoc(indicator.compute) or "").splitlines()
    try:
        start = lines.index("Parameters") + 2
    except ValueError:
        return {}
    texts: dict[str, list[str]] = {}
    names: list[str] = []
    for line, below in zip(lines[start:], [*lines[start + 1 :], ""], strict=True):
        if below.startswith("---"):
            break
        if line.startswith(" "):
            for name in names:
                texts[name].append(line.strip())
        elif field := _FIELD.match(line):
            names = [n.strip() for n in (field[1] or field[2]).split(",")]
            texts |= {name: [] for name in names}
    return {name: " ".join(words) for name, words in texts.items()}
