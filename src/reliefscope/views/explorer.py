"""The explorer: event, images, run, every layer with its histogram, accuracy, publication."""

import asyncio
import base64
import binascii
import contextlib
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import panel as pn
from markupsafe import Markup
from panel.io.state import set_curdoc

from reliefscope.errors import InputError, ReliefscopeError
from reliefscope.indicators import Indicator
from reliefscope.model.event import Event, Hazard
from reliefscope.products import onscreen
from reliefscope.views import away, inspecting
from reliefscope.views.map import Layer, map_words
from reliefscope.views.markup import element, joined
from reliefscope.views.page import Page
from reliefscope.views.parts import box, button, frame
from reliefscope.views.telling import exercise_mark
from reliefscope.views.upload import LARGEST_BYTES
from reliefscope.views.wording import HAZARDS, measure_name
from reliefscope.words import SOURCE, Words, mark, words_in

if TYPE_CHECKING:
    from reliefscope.products.facts import Facts

_REFERENCES = (".tif", ".tiff", ".geojson", ".json", ".gpkg")
STEPS: Mapping[str, str] = {
    "Searching": mark("Searching"),
    "Opening images": mark("Opening images"),
    "Computing layers": mark("Computing layers"),
    "Reading people and places": mark("Reading people and places"),
    "Writing layers": mark("Writing layers"),
}


class Desk(Protocol):
    """What the explorer asks for; `reliefscope.Desk` has it all."""

    @property
    def exercises(self) -> tuple[Hazard, ...]: ...  # noqa: D102

    def events(self) -> Any: ...  # noqa: ANN401, D102 - an EventList
    def exercise(self, hazard: Hazard) -> tuple[Any, Path]: ...  # noqa: D102
    def request(self, event: Event) -> Any: ...  # noqa: ANN401, D102
    def indicators(self, hazard: Hazard) -> Mapping[str, Indicator]: ...  # noqa: D102
    def outlook(self, request: Any) -> Any: ...  # noqa: ANN401, D102
    def run(self, request: Any, folder: Path, progress: Callable[[str], None]) -> Any: ...  # noqa: ANN401, D102
    def accuracy(self, trial: Any, reference: Path) -> Any: ...  # noqa: ANN401, D102
    def publish(self, trial: Any, request: Any, progress: Callable[[str], None]) -> Any: ...  # noqa: ANN401, D102


class _StoppedError(ReliefscopeError):
    """Somebody pressed "stop"."""


class Explorer(pn.viewable.Viewer):
    """From an event to a published product, with everything in between open to the eye.

    Parameters
    ----------
    desk : Desk
        Does the work; every call goes to a thread of its own.
    lang, theme : str
        Of the page.
    """

    def __init__(self, desk: Desk, *, lang: str = SOURCE, theme: str = "light") -> None:
        super().__init__()  # type: ignore[no-untyped-call] # untyped in Panel
        self._desk, self._lang, self._theme = desk, lang, theme
        self._events: dict[str, Event] = {}
        self._request: Any = None
        self._truth: Path | None = None
        self._outlook: Any = None
        self._trial: Any = None
        self._earlier: Facts | None = None
        self._agreement: Any = None
        self._shown = "state"
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._scratch = Path(tempfile.mkdtemp(prefix="reliefscope-"))
        weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._runs = 0
        self.page = Page(self._act)
        self._dress()

    def __panel__(self) -> pn.viewable.Viewable:
        """Return the page."""
        return self.page

    @property
    def _words(self) -> Words:
        return words_in(self._lang)

    def _marks(self) -> Markup:
        """Return the mark of exercises where anything on the page was simulated."""
        simulated = self._truth is not None or bool(self._trial and self._trial.product.exercise)
        return exercise_mark(self._words) if simulated else joined([])

    # ---- what is shown -------------------------------------------------------------------------

    def _dress(self) -> None:
        words = self._words
        self.page.param.update(
            layout=str(self._layout()),
            dress={
                "lang": self._lang,
                "dir": "rtl" if words.rtl else "ltr",
                "theme": self._theme,
                "title": words("ReliefScope explorer"),
            },
            theme=self._theme,
            words=map_words(words),
        )
        self._show_events()
        self._show_all()

    def _layout(self) -> Markup:
        words = self._words
        rehearse = [
            button(words(HAZARDS[h]), "exercise", str(h), id=f"exercise_{h}")
            for h in self._desk.exercises
        ]
        side = joined(
            element(
                "section",
                element("h2", words("Events")),
                element("p", words("Ask the feeds what is going on, or rehearse.")),
                element("div", button(words("Ask the feeds"), "feeds", class_="main", id="feeds"),
                        class_="row"),
                element("h3", words("Exercise")),
                element("div", rehearse, class_="row"),
                class_="box",
            ),
            element("div", data_region="events"),
        )  # fmt: skip
        figure = element(
            "figure",
            element("div", data_map=True),
            element("figcaption", words("The list of layers tells what is shown."), class_="fine"),
            class_="mapbox",
        )
        main = joined(
            element("div", data_region="head"),
            box(words("Images found"), region="plan"),
            box(words("Settings and run"), region="settings"),
            element("div", figure, box(words("Layers of the run"), region="layers"),
                    class_="first"),
            element(
                "div",
                box(words("Histogram"), region="histogram"),
                box(words("Numbers of the run"), region="numbers"),
                class_="pair",
            ),
            element(
                "div",
                box(words("Accuracy"), region="accuracy"),
                box(words("Publish"), region="publish"),
                class_="pair",
            ),
        )  # fmt: skip
        return frame(words, "explorer", side=side, main=main, theme=self._theme)

    def _show_events(self) -> None:
        chosen = self._request.event.id if self._request is not None else ""
        self.page.fill(events=inspecting.events(self._events, chosen, self._words))

    def _show_all(self) -> None:
        words, request = self._words, self._request
        if request is None:
            self.page.fill(
                marks=self._marks(),
                head=element("h1", words("Choose an event")),
                plan=element("p", words("Choose an event on the left: its images are looked up.")),
                **dict.fromkeys(("settings", "layers", "histogram", "numbers", "accuracy",
                                 "publish"), element("p", words("Nothing yet."))),
            )  # fmt: skip
            return
        self.page.fill(
            marks=self._marks(),
            head=element("h1", element("bdi", request.event.title)),
            plan=inspecting.outlook(self._outlook, words),
            settings=self._settings(),
        )
        self._show_trial()

    def _settings(self, step: str = "") -> Markup:
        words, request = self._words, self._request
        choices = self._desk.indicators(request.event.hazard)
        return inspecting.settings(request, choices, step=step, words=words)

    def _show_trial(self) -> None:
        words, trial = self._words, self._trial
        if trial is None:
            empty = element("p", words("Run the indicator to see its layers."))
            self.page.fill(layers=empty, histogram=empty, numbers=empty, accuracy=empty,
                           publish=empty)  # fmt: skip
            return
        self.page.fill(
            marks=self._marks(),
            layers=inspecting.layer_choice(trial.folder, trial.names, self._shown, words),
            histogram=inspecting.histogram(trial.folder, self._shown, trial.facts, words),
            numbers=inspecting.numbers(
                trial.facts, self._earlier, trial.product.event.hazard, words
            ),
            accuracy=inspecting.accuracy(
                self._agreement, can_rehearse=self._truth is not None, words=words
            ),
            publish=joined(
                element("p", words("Publishing draws the sheet and the brief, and lists the "
                                   "product in the briefing.")),
                button(words("Publish"), "publish", class_="main", id="publish"),
            ),
        )  # fmt: skip
        shown = onscreen.picture(trial.folder, self._shown, _every(self._shown))
        layer = Layer(
            id=f"run{self._runs}_{self._shown}",
            title=measure_name(self._shown, words),
            image=shown.url,
            extent=shown.extent,
        )
        self.page.layers = [layer.as_json()]

    # ---- what people do ------------------------------------------------------------------------

    def _act(self, act: str, message: Mapping[str, Any]) -> None:
        handler = getattr(self, f"_on_{act}", None)
        if handler is not None:
            arg = message.get("arg", "")
            self.page.say("")
            handler(arg if isinstance(arg, str) else "", message)

    def _on_language(self, _arg: str, message: Mapping[str, Any]) -> None:
        words_in(str(message.get("value")))
        self._lang = str(message.get("value"))
        self._dress()

    def _on_theme(self, _arg: str, _message: Mapping[str, Any]) -> None:
        self._theme = "light" if self._theme == "dark" else "dark"
        self._dress()

    def _on_feeds(self, _arg: str, _message: Mapping[str, Any]) -> None:
        async def ask() -> None:
            listed = await asyncio.to_thread(self._desk.events)
            self._events = {e.id: e for e in listed.events}
            self._show_events()
            failed = ", ".join(listed.failures)
            if failed:
                self.page.say(self._words("These feeds did not answer: {names}.", names=failed))

        self._start(ask(), self._words("Asking the feeds"))

    def _on_exercise(self, arg: str, _message: Mapping[str, Any]) -> None:
        hazard = next((h for h in self._desk.exercises if str(h) == arg), None)
        if hazard is None:
            raise InputError(f"no exercise of {arg[:40]!r}")

        async def make() -> None:
            request, truth = await asyncio.to_thread(self._desk.exercise, hazard)
            await self._take(request, truth)

        self._start(make(), self._words("Making the exercise"))

    def _on_event(self, arg: str, _message: Mapping[str, Any]) -> None:
        event = self._events.get(arg)
        if event is None:
            raise InputError(f"no event {arg[:60]!r} in the list")

        async def take() -> None:
            await self._take(await asyncio.to_thread(self._desk.request, event), None)

        self._start(take(), self._words("Looking for images"))

    async def _take(self, request: Any, truth: Path | None) -> None:  # noqa: ANN401 - a Request
        self._request, self._truth, self._trial = request, truth, None
        self._earlier, self._agreement, self._outlook = None, None, None
        west, south, east, north = request.event.area.bbox
        self.page.param.update(layers=[], fit=[west, south, east, north])
        self._show_events()
        self._outlook = await asyncio.to_thread(self._desk.outlook, request)
        self._show_all()

    def _on_indicator(self, _arg: str, message: Mapping[str, Any]) -> None:
        name = str(message.get("value"))
        if self._request is not None and name in self._desk.indicators(self._request.event.hazard):
            self._request = replace(self._request, indicator=name, parameters={})
            self.page.fill(settings=self._settings())

    def _on_run(self, _arg: str, message: Mapping[str, Any]) -> None:
        if self._request is None:
            return
        values = message.get("values")
        given = values if isinstance(values, dict) else {}
        indicator = self._desk.indicators(self._request.event.hazard)[self._request.indicator]
        self._request = replace(self._request, parameters=inspecting.parameters(indicator, given))
        self._runs += 1
        folder = self._scratch / str(self._runs)

        async def run() -> None:
            trial = await asyncio.to_thread(self._desk.run, self._request, folder, self._progress())
            self._earlier = self._trial.facts if self._trial is not None else None
            self._trial, self._agreement = trial, None
            self._shown = self._shown if self._shown in trial.names else "state"
            self._show_trial()

        self._start(run(), self._words("Running"))

    def _on_stop(self, _arg: str, _message: Mapping[str, Any]) -> None:
        self._stop.set()
        self.page.say(self._words("Stopping after this step."))

    def _on_look(self, arg: str, message: Mapping[str, Any]) -> None:
        name = str(message.get("value") or arg)
        if self._trial is not None and name in self._trial.names:
            self._shown = name
            self._show_trial()

    def _on_truth(self, _arg: str, _message: Mapping[str, Any]) -> None:
        if self._truth is not None:
            self._compare(self._truth)

    def _on_too_large(self, arg: str, _message: Mapping[str, Any]) -> None:
        mb = self._words.number(LARGEST_BYTES / 1e6)
        self.page.say(
            self._words("{name} is too large: at most {mb} MB are read.", name=arg[:60], mb=mb)
        )

    def _on_reference(self, arg: str, message: Mapping[str, Any]) -> None:
        """Take a reference map from a file, under a name of our own."""
        suffix = Path(arg).suffix.lower()
        if suffix not in _REFERENCES:
            raise InputError(f"{arg[:60]!r} is no {', '.join(_REFERENCES)}; save it as one")
        try:
            content = base64.b64decode(str(message.get("content", "")), validate=True)
        except binascii.Error as error:
            raise InputError("the file did not arrive whole; choose it again") from error
        inspecting.check_reference(suffix, content)
        path = self._scratch / f"reference{suffix}"
        path.write_bytes(content)
        self._compare(path)

    def _compare(self, reference: Path) -> None:
        if self._trial is None:
            return

        async def compare() -> None:
            found = await asyncio.to_thread(self._desk.accuracy, self._trial, reference)
            self._agreement = found
            self._show_trial()

        self._start(compare(), self._words("Comparing"))

    def _on_publish(self, _arg: str, _message: Mapping[str, Any]) -> None:
        if self._trial is None:
            return

        async def publish() -> None:
            package = await asyncio.to_thread(
                self._desk.publish, self._trial, self._request, self._progress()
            )
            words = self._words
            where = f"briefing?product={package.product_id}"
            link = element("a", words("Open it in the briefing"), href=where, id="published")
            self.page.fill(
                publish=joined(
                    element("p", words("Published as {id}.", id=package.product_id)), link
                )
            )
            self.page.say(words("Published as {id}.", id=package.product_id))

        self._start(publish(), self._words("Publishing"))

    # ---- long work -----------------------------------------------------------------------------

    def _progress(self) -> Callable[[str], None]:
        """Return what a thread calls at each step: it tells, and it stops when asked to."""
        loop = asyncio.get_running_loop() if self._task is None else self._task.get_loop()
        document = pn.state.curdoc

        def tell(step: str) -> None:
            if self._stop.is_set():
                raise _StoppedError(self._words("Stopped. Nothing was published."))
            loop.call_soon_threadsafe(self._step, step, document)

        return tell

    def _step(self, step: str, document: Any) -> None:  # noqa: ANN401 - a Document
        told = self._words(STEPS[step]) if step in STEPS else step
        with set_curdoc(document) if document is not None else contextlib.nullcontext():
            self.page.fill(settings=self._settings(step=told))

    def _start(self, work: Any, told: str) -> None:  # noqa: ANN401 - a coroutine
        """Start long work unless some is going on; the server's loop is never blocked."""
        if self._task is not None and not self._task.done():
            work.close()
            self.page.say(self._words("Something is still running; stop it or wait."))
            return
        self._stop.clear()
        self.page.say(told)

        async def guarded() -> None:
            try:
                await work
                self._settle()
                if self.page.regions.get("status") == told:
                    self.page.say(self._words("Done."))
            except ReliefscopeError as error:
                self._settle()
                self.page.say(str(error))

        self._task = asyncio.ensure_future(away.within(pn.state.curdoc, guarded))

    def _settle(self) -> None:
        if self._request is not None:
            self.page.fill(settings=self._settings())


def _every(name: str) -> tuple[int, ...]:
    """Return the classes that an inspection shows: of the state all, also "no event"."""
    return (0, 1, 2, 3, 255) if name == "state" else ()
