"""Send what is published to a STAC API, by its Transactions extension.

Idempotent: each document carries a digest of itself, and one that is there already is not sent
again. A run that was stopped is taken up by the next.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from reliefscope.errors import InputError, NothingFoundError, ReliefscopeError
from reliefscope.jobs.stac_api import DIGEST, StacApi
from reliefscope.products import stac
from reliefscope.products.catalog import find
from reliefscope.products.index import Entry
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog, store_of
from reliefscope.settings import Settings
from reliefscope.transport.retry import Retry

_VERSIONS = frozenset({"predecessor-version", "successor-version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What became of each product, by its id."""

    created: tuple[str, ...]
    replaced: tuple[str, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]
    left: tuple[str, ...]
    """No longer in the catalog, and not deleted there since that was not asked for."""


def push(  # noqa: PLR0913 - each has a default but four
    catalog: Catalog,
    url: str,
    *,
    settings: Settings,
    policy: Policy,
    event: str | None = None,
    hazard: str | None = None,
    delete: bool = False,
    retry: Retry | None = None,
    progress: Callable[[str], None] | None = None,
) -> Pushed:
    """Create or replace the products of a catalog in a STAC API.

    New products are created before older ones are marked as replaced, and deletions come last: a
    run that is stopped leaves no link into nothing.

    Parameters
    ----------
    catalog : Path or S3Catalog
        What is sent.
    url : str
        Landing page of the API.
    settings : Settings
        Credentials: a bearer token, ``RELIEFSCOPE_STAC_TOKEN``, where the API wants one.
    policy : Policy
        Its ``catalog_url`` is what links to files begin with; for a catalog in an object store,
        that store by default.
    event, hazard : str, optional
        Only these.
    delete : bool
        Delete products there that were pushed once and are no longer in the catalog.
    retry : Retry, optional
        How patient to be.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    InputError
        The address is none, files of the catalog have no public address, the API takes no
        transactions, a collection there is someone else's, or a document was refused.
    NothingFoundError
        The catalog holds no such product, and nothing is to be deleted; or there is no API.
    AccessError
        The API refuses the token, or the token would travel unencrypted.
    IntegrityError
        The answers are not those of a STAC API.
    UnavailableError
        The API or the network failed, several times.
    """
    tell = progress or (lambda _: None)
    base = _public_address(catalog, policy)
    entries = find(catalog, event=event, hazard=hazard)
    if not entries and not delete:
        raise NothingFoundError(f"the catalog {catalog} holds no such product")
    api = StacApi(url, settings, retry)
    api.refuse_readers()
    wanted = _documents(catalog, entries, base, api)
    names = sorted({d["collection"] for d in wanted})
    with _emptied(api) as created:
        _push_collections(api, catalog, names, created, tell)
        names = sorted({*names, *({hazard} if hazard else api.ours())})
        there = {name: dict(api.items(name)) for name in names}
        done = _push_items(api, wanted, there, created, tell)
    gone = _gone(there, {e.product_id for e in entries}, event)
    for collection, item in gone if delete else ():
        api.delete(collection, item)
        tell(f"deleted {item}")
    ids = tuple(item for _, item in gone)
    lists = {name: tuple(sorted(found)) for name, found in done.items()}
    return Pushed(**lists, deleted=ids if delete else (), left=() if delete else ids)


def _public_address(catalog: Catalog, policy: Policy) -> str:
    """Return what the addresses of the catalog's files begin with."""
    base = policy.catalog_url.rstrip("/")
    if not base and not isinstance(catalog, Path):
        return str(catalog.url)
    parts = urlsplit(base)
    if parts.scheme in {"http", "https", "s3"} and parts.hostname and "@" not in parts.netloc:
        return base
    given = f"catalog_url is {parts.scheme}://..., " if base else "there is no catalog_url: "
    raise InputError(
        f"{given}those who find the products would not find their files; write catalog_url = "
        f'"https://..." (where the catalog {catalog} is served) into the policy, and set '
        f"RELIEFSCOPE_POLICY to that file"
    )


def _documents(
    catalog: Catalog, entries: Sequence[Entry], base: str, api: StacApi
) -> list[dict[str, Any]]:
    """Return Items as they are sent: every link absolute, with their digest."""
    found = []
    for entry in entries:
        store_of(catalog).open(entry.folder)
        item = json.loads(entry.item.read_text(encoding="utf-8"))
        place = "/".join([base, *map(quote, (entry.hazard, entry.event, entry.product_id))])
        item["assets"] = {
            key: {**asset, "href": _absolute(asset["href"], place)}
            for key, asset in item["assets"].items()
        }
        kept = [link for link in item["links"] if link["rel"] == "derived_from"]
        kept += [
            {**link, "href": api.address(item["collection"], link["title"])}
            for link in item["links"]
            if link["rel"] in _VERSIONS
        ]
        kept.append({"rel": "canonical", "href": f"{place}/item.json", "type": "application/json"})
        item["links"] = kept
        item["properties"][DIGEST] = _digest(item)
        found.append(item)
    return found


def _absolute(href: str, place: str) -> str:
    return href if "://" in href else f"{place}/{quote(href.removeprefix('./'))}"


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def _emptied(api: StacApi) -> Iterator[set[str]]:
    """Yield a set for collections that hold nothing yet; on an error these are deleted."""
    created: set[str] = set()
    try:
        yield created
    except ReliefscopeError:
        for name in sorted(created):
            with contextlib.suppress(ReliefscopeError):  # the first error is the one to tell
                if not dict(api.items(name)):  # an answer may have been lost, or others push too
                    api.delete(name)
        raise


def _push_items(
    api: StacApi,
    wanted: Sequence[dict[str, Any]],
    there: Mapping[str, Mapping[str, Mapping[str, Any]]],
    created: set[str],
    tell: Callable[[str], None],
) -> dict[str, list[str]]:
    """Create or replace Items; return which, by what was done."""
    done: dict[str, list[str]] = {"created": [], "replaced": [], "unchanged": []}
    # new ones first: what they replace links to them
    for document in sorted(wanted, key=lambda d: d["id"] in there[d["collection"]]):
        name = api.put_item(document, there[document["collection"]].get(document["id"]))
        done[name].append(document["id"])
        created.discard(document["collection"])
        if name != "unchanged":
            tell(f"{name} {document['id']}")
    return done


def _push_collections(
    api: StacApi,
    catalog: Catalog,
    names: Sequence[str],
    created: set[str],
    tell: Callable[[str], None],
) -> None:
    """Create or replace the collections over all products of the catalog, filtered or not."""
    for name in names:
        items = [document for _, document in store_of(catalog).items(name)]
        collection = stac.collection_document(name, items)
        collection["links"] = []
        collection[DIGEST] = _digest(collection)
        done = api.put_collection(collection)
        if done == "created":
            created.add(name)
        if done != "unchanged":
            tell(f"collection {name} is there")


def _gone(
    there: Mapping[str, Mapping[str, Mapping[str, Any]]], held: set[str], event: str | None
) -> list[tuple[str, str]]:
    """Return collection and id of what was pushed once and is no longer in the catalog."""
    return [
        (collection, item)
        for collection, items in sorted(there.items())
        for item, properties in sorted(items.items())
        if DIGEST in properties
        and item not in held
        and event in {None, properties.get("reliefscope:event")}
    ]
