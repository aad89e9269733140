"""A STAC API that is written to, by its Transactions extension.

Sources
-------
STAC API, Transaction Extension and Collection Transaction Extension
(https://github.com/stac-api-extensions/transaction,
https://github.com/stac-api-extensions/collection-transaction).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.retry import Retry
from reliefscope.transport.tokens import BearerToken

TOKEN = "RELIEFSCOPE_STAC_TOKEN"  # noqa: S105 - its name
DIGEST = "reliefscope:digest"
"""Field by which a document that was pushed is known, and known to be unchanged."""
_WRITES_ITEMS = re.compile(r"https://api\.stacspec\.org/v1\.\S+/ogcapi-features/\S*transaction")
_WRITES_COLLECTIONS = re.compile(r"https://api\.stacspec\.org/v1\.\S+/collections/\S*transaction")
_PAGE, _MOST_PAGES = 200, 10_000
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class StacApi:
    """What is asked of it.

    Parameters
    ----------
    url : str
        Its landing page.
    settings : Settings
        The token, by the name of `TOKEN`.
    retry : Retry, optional
        How patient to be.

    Raises
    ------
    InputError
        The address is none, or holds a user, a password or a query.
    AccessError
        The token is none, or would travel unencrypted.
    UnavailableError
        Offline.
    """

    def __init__(self, url: str, settings: Settings, retry: Retry | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError("the STAC API must be given as https://HOST/PATH, its landing page")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise InputError(
                f"the address of the STAC API may hold no user, password or query; put a bearer "
                f"token into {TOKEN}"
            )
        if settings.offline:
            raise UnavailableError("offline: nothing is pushed; unset RELIEFSCOPE_OFFLINE")
        self.url = url.rstrip("/")
        self._transport = Transport(settings, retry=retry).at(url)
        self._auth = self._token(parts.scheme == "https" or parts.hostname in _LOCAL)
        self._creates_collections = False

    def _token(self, safe: bool) -> BearerToken | None:  # noqa: FBT001 - one caller
        access = Access(service="the STAC API", names=(TOKEN,), optional=True)
        found = self._transport.credentials(access)
        if not found:
            return None
        text = found[TOKEN].get_secret_value()
        if not (text.isascii() and text.isprintable() and " " not in text):
            raise AccessError(f"{TOKEN} holds what no token holds; copy it again, without 'Bearer'")
        if not safe:
            raise AccessError(
                f"{TOKEN} would travel unencrypted to {self._shown}; give an https address"
            )
        return BearerToken(found[TOKEN])

    @property
    def _shown(self) -> str:
        return self._transport.shown(self.url)

    def address(self, collection: str, item: str = "") -> str:
        """Return the address of a collection, or of an Item in it."""
        path = f"{self.url}/collections/{quote(collection, safe='')}"
        return f"{path}/items/{quote(item, safe='')}" if item else path

    def refuse_readers(self) -> None:
        """Raise where the API does not say that it takes Items."""
        landing = self._get(self.url + "/")
        classes = landing.get("conformsTo")
        if not isinstance(classes, list):
            raise IntegrityError(
                f"{self._shown} is no STAC API: its landing page has no conformsTo; give the "
                f"address of the landing page"
            )
        if not any(_WRITES_ITEMS.fullmatch(str(c)) for c in classes):
            raise InputError(
                f"{self._shown} can be read only: it does not conform to the Transaction "
                f"extension of STAC API (.../ogcapi-features/extensions/transaction); ask whoever "
                f"runs it to enable that, or give another"
            )
        self._creates_collections = any(_WRITES_COLLECTIONS.fullmatch(str(c)) for c in classes)

    def ours(self) -> set[str]:
        """Return the names of the collections that were pushed."""
        pages = self._pages(f"{self.url}/collections", "collections")
        return {str(c["id"]) for c in pages if DIGEST in c}

    def items(self, collection: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield id and properties of each Item of a collection; none where there is none."""
        address = f"{self.address(collection)}/items?limit={_PAGE}"
        try:
            for feature in self._pages(address, "features"):
                yield str(feature["id"]), feature.get("properties") or {}
        except NothingFoundError:
            return

    def _pages(self, url: str, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield what a list holds, page by page; the token goes to no other machine."""
        for _ in range(_MOST_PAGES):
            page = self._get(url)
            held = page.get(name)
            if not isinstance(held, list) or not all(
                isinstance(h, dict) and "id" in h for h in held
            ):
                raise IntegrityError(f"{self._transport.shown(url)} did not answer with {name}")
            yield from held
            following = [k for k in page.get("links", ()) if k.get("rel") == "next"]
            if not following:
                return
            before, url = url, urljoin(url, str(following[0].get("href", "")))
            if urlsplit(url)[:2] != urlsplit(before)[:2] or url == before:
                raise IntegrityError(
                    f"{self._transport.shown(before)} continues at {self._transport.shown(url)}: "
                    f"give the API by the address that it has for itself"
                )
        raise IntegrityError(f"{self._transport.shown(url)} does not end")

    def put_collection(self, document: Mapping[str, Any]) -> str:
        """Create or replace a collection; return what was done."""
        name = str(document["id"])
        try:
            held = self._get(self.address(name))
        except NothingFoundError:
            if not self._creates_collections:
                raise InputError(
                    f"{self._shown} has no collection {name!r} and lets nobody create one; ask "
                    f"whoever runs it to add it, then run again"
                ) from None
            self._create(f"{self.url}/collections", self.address(name), document)
            return "created"
        if held.get(DIGEST) == document[DIGEST] or not self._creates_collections:
            return "unchanged"
        if DIGEST not in held:
            raise InputError(
                f"{self._shown} has a collection {name!r} that was not pushed from here; nothing "
                f"is written over it: give another API"
            )
        self._send(self.address(name), "PUT", document)
        return "replaced"

    def put_item(self, document: Mapping[str, Any], held: Mapping[str, Any] | None) -> str:
        """Create or replace an Item, given what is there; return what was done."""
        item, collection = str(document["id"]), str(document["collection"])
        if held is None:
            self._create(
                f"{self.address(collection)}/items", self.address(collection, item), document
            )
            return "created"
        if held.get(DIGEST) == document["properties"][DIGEST]:
            return "unchanged"
        if DIGEST not in held:
            raise InputError(
                f"{self._shown} has an item {item!r} that was not pushed from here; nothing is "
                f"written over it: delete it there, then run again"
            )
        self._send(self.address(collection, item), "PUT", document)
        return "replaced"

    def delete(self, collection: str, item: str = "") -> None:
        """Delete an Item, or a collection; one that is gone already is no matter."""
        try:
            self._send(self.address(collection, item), "DELETE")
        except NothingFoundError:
            return

    def _create(self, where: str, address: str, document: Mapping[str, Any]) -> None:
        """Create a document, or replace it where another run has created it meanwhile.

        So it is too where an answer was lost and the request was sent again.
        """
        try:
            self._send(where, "POST", document)
        except InputError:
            try:
                held = self._get(address)
            except NothingFoundError:
                held = None
            if held is None or DIGEST not in {*held, *held.get("properties", {})}:
                raise
            self._send(address, "PUT", document)

    def _get(self, url: str) -> dict[str, Any]:
        answer = self._transport.json(Ask(url=url, auth=self._auth), keep=False)
        if not isinstance(answer, dict):
            raise IntegrityError(f"{self._transport.shown(url)} did not answer with an object")
        return answer

    def _send(
        self,
        url: str,
        verb: Literal["POST", "PUT", "DELETE"],
        document: Mapping[str, Any] | None = None,
    ) -> None:
        ask = Ask(url=url, body=document, auth=self._auth, verb=verb)
        try:
            self._transport.content(ask, keep=False)
        except AccessError:
            raise AccessError(
                f"{self._transport.shown(url)} refuses to be written to; set {TOKEN} to a bearer "
                f"token that may create, replace and delete there"
            ) from None
