"""What an analyst does step by step: events, outlook, trial run, accuracy, publication."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reliefscope.errors import InputError
from reliefscope.feeds.exercise import HAZARDS
from reliefscope.indicators import INDICATORS, Indicator
from reliefscope.jobs.event_file import Request, parse_event
from reliefscope.jobs.events import EventList, event_file_text, list_events
from reliefscope.jobs.exercise import exercise_request
from reliefscope.jobs.planning import Outlook, look_ahead
from reliefscope.jobs.situation import plan_request
from reliefscope.model.context import Context
from reliefscope.model.cube import State
from reliefscope.model.event import Event, Hazard
from reliefscope.model.product import Product
from reliefscope.pipeline.engine import compute
from reliefscope.pipeline.run import run, search
from reliefscope.products.catalog import Package, publish
from reliefscope.products.facts import Facts
from reliefscope.products.inspection import write_layers
from reliefscope.products.package import Maker
from reliefscope.products.sheet import load_policy
from reliefscope.products.store import catalog_at
from reliefscope.products.validate import Agreement, validate
from reliefscope.settings import Settings
from reliefscope.sources.layers import read_context

_SIZE, _SEED = 512, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A run that nobody has published yet."""

    product: Product
    context: Context
    facts: Facts
    folder: Path
    """Holds every layer of the run as a GeoTIFF."""
    names: tuple[str, ...]
    """Of these layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The steps of an analyst, each one call; all of them block."""

    settings: Settings
    clock: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC))
    size: int = _SIZE
    """Pixels a side of exercises."""

    @property
    def exercises(self) -> tuple[Hazard, ...]:
        """Disasters that can be rehearsed."""
        return HAZARDS

    def events(self) -> EventList:
        """Return what the feeds report. SourceError: none of them answers."""
        return list_events(self.settings, now=self.clock())

    def exercise(self, hazard: Hazard) -> tuple[Request, Path]:
        """Return the request of an exercise, and the raster of its truth."""
        request, world = exercise_request(
            hazard, size=self.size, seed=_SEED, cache=self.settings.cache
        )
        return request, world.truth_extent

    def request(self, event: Event) -> Request:
        """Return what would be asked for an event of a feed."""
        text = event_file_text(event)
        return parse_event(text, self.settings, base=Path(), name=event.id)

    def indicators(self, hazard: Hazard) -> Mapping[str, Indicator]:
        """Return the indicators that speak of a hazard."""
        return {n: i for n, i in INDICATORS.items() if i.hazard is hazard}

    def outlook(self, request: Request) -> Outlook:
        """Return what would be read, and which passes come next; see `look_ahead`."""
        return look_ahead(request, now=self.clock())

    def run(self, request: Request, folder: Path, progress: Callable[[str], None]) -> Trial:
        """Search, compute and count; nothing is published.

        Parameters
        ----------
        request : Request
            What to map.
        folder : Path
            Where the layers are written, to be looked at.
        progress : callable
            Told each step; what it raises stops the run.

        Raises
        ------
        ReliefscopeError
            See `reliefscope.errors`.
        """
        todo = plan_request(request)
        progress("Searching")
        selection = search(todo, request.sources)
        progress("Opening images")
        product = run(todo, request.sources, selection=selection)
        progress("Computing layers")
        product = replace(product, data=compute(product.data))
        progress("Reading people and places")
        context = read_context(request.context, request.event.area, transport=request.transport)
        product = replace(product, notes=(*product.notes, *context.notes))
        head = {"product_id": "", "released": self.clock().isoformat(timespec="seconds")}
        maker = Maker(product=product, context=context, head=head, version=1, policy=load_policy())
        facts = maker.count()[2]
        progress("Writing layers")
        names = write_layers(product, folder)
        return Trial(product=product, context=context, facts=facts, folder=folder, names=names)

    def accuracy(self, trial: Trial, reference: Path) -> Agreement:
        """Return how far a run agrees with a reference; see `validate`."""
        return validate(trial.folder / "state.tif", reference, event_classes=(State.EVENT,))

    def publish(self, trial: Trial, request: Request, progress: Callable[[str], None]) -> Package:
        """Publish a run in the catalog of the settings.

        Raises
        ------
        PublishError
            The catalog could not take it.
        InputError
            A public product cannot be made of it.
        """
        if not trial.names:
            raise InputError("the run has no layers; run it again")
        return publish(
            trial.product,
            catalog_at(None, self.settings),
            context=trial.context,
            stage=request.stage,
            released=self.clock(),
            languages=self.settings.languages,
            paper=self.settings.paper,
            progress=progress,
        )
