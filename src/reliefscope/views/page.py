"""A page around one map: markup by Python, messages back; one component, no widgets to style.

Everything that a person can do is a plain HTML element with ``data-act``; what it says comes back
as one message. So the page is the same in a server, a notebook and a test, and screen readers
find ordinary headings, lists, tables and forms.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import param
from markupsafe import Markup

from reliefscope.errors import ReliefscopeError
from reliefscope.views.map import Map

_LONGEST_NAME = 40

Act = Callable[[str, Mapping[str, Any]], None]


class Page(Map):
    """A map with regions of markup around it.

    Parameters
    ----------
    on_act : callable
        Told what a person did: the name of the act, and the message with it.
    """

    layout = param.String(default="", doc="Markup with `data-region` and one `data-map`.")
    regions = param.Dict(default={}, doc="Markup of each region.")
    dress = param.Dict(default={}, doc="lang, dir, theme, title of the whole page.")
    playing = param.Boolean(default=False, doc="Whether the player steps on by itself.")
    whole = param.Boolean(default=False, doc="Whether this page is all that the window shows.")

    def __init__(self, on_act: Act | None = None, **given: Any) -> None:  # noqa: ANN401 - of param
        super().__init__(**given)  # type: ignore[no-untyped-call] # untyped in Panel
        self._on_act = on_act

    def fill(self, **regions: Markup) -> None:
        """Replace the markup of some regions."""
        told = {name: str(markup) for name, markup in regions.items()}
        self.regions = {**self.regions, **told}

    def hand_over(self, name: str, content: bytes, kind: str = "application/octet-stream") -> None:
        """Let the browser save a file."""
        packed = base64.b64encode(content).decode()
        self._send_msg({"kind": "file", "name": name, "type": kind, "content": packed})

    def say(self, text: str) -> None:
        """Tell something once: shown, and read out by screen readers."""
        self.fill(status=Markup("{}").format(text))

    def _handle_msg(self, data: Any) -> None:  # noqa: ANN401 - whatever a browser sends
        if not isinstance(data, dict) or self._on_act is None:
            return
        act = data.get("act")
        if not isinstance(act, str) or not act.isidentifier() or len(act) > _LONGEST_NAME:
            return
        try:
            self._on_act(act, data)
        except ReliefscopeError as error:
            self.say(str(error))
