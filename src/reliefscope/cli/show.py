"""How the command shows things: steps, bars, packages, ages."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from reliefscope.products.catalog import Package

_HEADLINE = {
    "event_area_km2": "event area",
    "exposed_population": "people inside",
    "population_cannot_tell": "cannot tell",
    "observed_fraction": "observed",
    "advisory": "advisory",
}
_FILES = {"sheet.*.pdf": "map", "sheet.*.png": "map as image", "brief.*.html": "brief"}
_DAYS = 3

Step = Callable[[str], None]


def show_package(package: Package) -> None:
    """Print the headline of a package and where its files are."""
    say = Console().print
    if not package.created:
        say("already published, nothing to do: same inputs, parameters and code")
    for key, words in _HEADLINE.items():
        if key in package.facts:
            say(f"{words + ':':<18}{escape(package.facts.text(key))}", soft_wrap=True)
    for pattern, words in _FILES.items():
        for path in sorted(package.folder.glob(pattern)):
            say(f"{words + ':':<18}{path}", soft_wrap=True, highlight=False)
    say(f"{'package:':<18}{package.folder}", soft_wrap=True, highlight=False)


@contextlib.contextmanager
def steps() -> Iterator[Step]:
    """Show each step as it is named, until the next."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        running: list[TaskID] = []

        def finish() -> None:
            while running:
                bar.update(running.pop(), completed=1)

        def step(text: str) -> None:
            finish()
            running.append(bar.add_task(escape(text), total=1))

        yield step
        finish()


@contextlib.contextmanager
def byte_bar() -> Iterator[tuple[Step, Callable[[int, int], None]]]:
    """Show each step as it is named, with the bytes of its files as they arrive."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        running: list[TaskID] = []

        def step(text: str) -> None:
            running[:] = [bar.add_task(escape(text), total=None)]

        def progress(done: int, total: int) -> None:
            if running:
                bar.update(running[0], completed=done, total=total or None)

        yield step, progress


def in_words(age: dt.timedelta) -> str:
    """Return an age in hours, or in days when it is more than three."""
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < _DAYS * 24 else f"{hours / 24:.0f} d"
