"""The one way out, for the library that speaks STAC."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pystac
from pystac_client.stac_api_io import StacApiIO

from reliefscope.errors import InputError, IntegrityError, UnavailableError
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.content import parse_json
from reliefscope.transport.hosts import check_href

MAX_REQUESTS = 2000
"""More pages or children than this are a loop, or a catalog to narrow down first."""
_MAX_FILE = 64_000_000


class TransportIO(StacApiIO):
    """Reads the answers of an API and the files of a catalog by `Transport`.

    So they are retried, capped, guarded and kept for replay like everything else; a catalog leads
    only where its links may lead.
    """

    def __init__(self, transport: Transport, home: str) -> None:
        super().__init__(max_retries=None)
        self._transport, self._home = transport.at(home), home
        self._requests = 0

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Return the text at an address; see `Transport.text` for what it raises."""
        self._count()
        posted = (method or "GET").upper() == "POST"
        query = {} if posted else {k: str(v) for k, v in (parameters or {}).items()}
        return self._transport.text(
            Ask(
                url=href,
                params=query,
                body=(parameters or {}) if posted else None,
                headers=headers or {},
            )
        )

    def read_text(self, source: pystac.link.HREF, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - as the base
        """Return the text of a link, an address, or a file inside the catalog's folder."""
        if isinstance(source, pystac.Link) or str(source).startswith(("http://", "https://")):
            text: str = super().read_text(source, *args, **kwargs)
            return text
        self._count()
        path = pathlib.Path(check_href(str(source), home=self._home))
        if path.stat().st_size > _MAX_FILE:
            raise InputError(f"{path} is larger than {_MAX_FILE:,} bytes: no STAC object is")
        return path.read_text(encoding="utf-8")

    def get_pages(
        self,
        url: str,
        method: str | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a search. IntegrityError: one is no list of items, nor an empty one.

        The library takes whatever lacks items for the end of the list: an answer of another kind
        would look like "nothing there".
        """
        page = self.read_json(url, method=method, parameters=parameters)
        while True:
            if not any(isinstance(page.get(key), list) for key in ("features", "collections")):
                raise IntegrityError(
                    f"{self._transport.shown(url)} did not answer with a list of items but with "
                    f"{str(page.get('type'))[:40]!r}"
                )
            yield page
            links = page.get("links") or []
            onward = next((link for link in links if link.get("rel") == "next"), None)
            if onward is None:
                return
            page = self.read_json(pystac.Link.from_dict(onward), parameters=parameters)

    def json_loads(self, txt: str, *_: object, **__: object) -> dict[str, Any]:
        """Return parsed JSON.

        Raises
        ------
        UnavailableError
            It is not, or nested deeper than any catalog is: something else has answered.
        """
        try:
            parsed: dict[str, Any] = parse_json(txt.encode())
        except ValueError as error:
            raise UnavailableError(
                f"{self._transport.shown(self._home)} did not answer in JSON: it begins with "
                f"{self._transport.scrub(txt[:60])!r}; the service may be under maintenance, a "
                f"proxy may have answered in its place, or the address is of a page for people"
            ) from error
        return parsed

    def _count(self) -> None:
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise InputError(
                f"{self._transport.shown(self._home)} took more than {MAX_REQUESTS} requests for "
                f"one search; name collections, or narrow the area or the window"
            )
