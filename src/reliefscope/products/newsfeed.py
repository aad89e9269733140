"""The catalog as news: an Atom feed with places, and a CAP message of each product.

Atom is RFC 4287; places are GeoRSS Simple (OGC 17-002r1); messages are the Common Alerting
Protocol 1.2 (OASIS, 1 July 2010).
"""

import uuid
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

import shapely

from reliefscope.model.event import Hazard
from reliefscope.products.catalog import find
from reliefscope.products.index import Entry
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog, Store, store_of
from reliefscope.products.summary import Summary, pages, summarize
from reliefscope.words import SOURCE, words_in

FOLDER = "feed"
"""Under the catalog."""
ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
CAP = "urn:oasis:names:tc:emergency:cap:1.2"
_NEWEST = 100
_CORNERS = 100
_SENDER = "reliefscope"
_CATEGORY = {
    Hazard.FLOOD: "Met",
    Hazard.FIRE: "Fire",
    Hazard.DROUGHT: "Met",
    Hazard.HEAT: "Met",
    Hazard.STORM: "Met",
    Hazard.EARTHQUAKE: "Geo",
    Hazard.LANDSLIDE: "Geo",
    Hazard.VOLCANO: "Geo",
    Hazard.EXPLOSION: "Other",
}


def write_feeds(catalog: Catalog, policy: Policy) -> list[str]:
    """Write the feed and the messages of a catalog; return their names there, the feed first.

    Parameters
    ----------
    catalog : Path or S3Catalog
        The catalog.
    policy : Policy
        Who speaks, and where the catalog can be reached.

    Each file is replaced in one step, the feed last; what has not changed is not touched.

    Raises
    ------
    PublishError
        Another process is writing them and does not end.
    """
    store = store_of(catalog)
    with store.locked(FOLDER):  # whoever comes later knows of more
        return _write_feeds(store, sorted(find(catalog), key=lambda e: e.product_id), policy)


def _write_feeds(store: Store, entries: list[Entry], policy: Policy) -> list[str]:
    for entry in entries:
        store.open(entry.folder, "provenance.json")
    told = {e.product_id: summarize(e.folder) for e in entries}
    newest = sorted(entries, key=lambda e: (told[e.product_id].released, e.product_id))[::-1]
    names = [f"{FOLDER}/atom.xml"]
    first: dict[str, Summary] = {}
    for entry in reversed(newest):
        summary = told[entry.product_id]
        languages = [page.split(".")[1] for page in pages(entry.folder)] or [SOURCE]
        in_words = [summarize(entry.folder, words_in(name)) for name in languages]
        message = cap(in_words, languages, policy, first.get(entry.event))
        first.setdefault(entry.event, summary)
        names.append(f"{FOLDER}/{_message(entry)}")
        store.keep(names[-1], _xml(message))
    store.keep(names[0], _xml(atom([(e, told[e.product_id]) for e in newest[:_NEWEST]], policy)))
    return names


def _message(entry: Entry) -> str:
    return f"{entry.product_id}.cap.xml"


def link_to(summary: Summary, policy: Policy, file: str) -> str:
    """Return the public address of a file of a package; its path where there is none."""
    path = f"{summary.hazard}/{summary.event}/{summary.product}/{file}"
    return f"{policy.catalog_url.rstrip('/')}/{path}" if policy.catalog_url else f"../{path}"


def atom(entries: Sequence[tuple[Entry, Summary]], policy: Policy) -> Element:
    """Return the feed of packages, in the order given."""
    feed = Element(f"{{{ATOM}}}feed")
    _text(feed, ATOM, "id", f"urn:uuid:{_uuid(policy.catalog_url or policy.producer)}")
    _text(feed, ATOM, "title", f"{policy.producer}: situation maps")
    latest = max((s.released for _, s in entries), default=None)
    _text(feed, ATOM, "updated", latest.isoformat() if latest else "1970-01-01T00:00:00+00:00")
    _text(SubElement(feed, f"{{{ATOM}}}author"), ATOM, "name", policy.producer)
    if policy.catalog_url:
        address = f"{policy.catalog_url.rstrip('/')}/{FOLDER}/atom.xml"
        SubElement(feed, f"{{{ATOM}}}link", rel="self", href=address)
    for entry, summary in entries:
        _entry(feed, entry, summary, policy)
    return feed


def _entry(feed: Element, entry: Entry, summary: Summary, policy: Policy) -> None:
    node = SubElement(feed, f"{{{ATOM}}}entry")
    _text(node, ATOM, "id", f"urn:uuid:{_uuid(summary.fingerprint)}")
    _text(node, ATOM, "title", summary.headline)
    _text(node, ATOM, "updated", summary.released.isoformat())
    _text(node, ATOM, "published", summary.released.isoformat())
    _text(node, ATOM, "summary", _told(summary))
    SubElement(node, f"{{{ATOM}}}category", term=str(summary.hazard))
    page = next(iter(pages(entry.folder)), "item.json")
    SubElement(node, f"{{{ATOM}}}link", rel="alternate", href=link_to(summary, policy, page))
    item = link_to(summary, policy, "item.json")
    SubElement(node, f"{{{ATOM}}}link", rel="related", href=item, type="application/geo+json")
    base = policy.catalog_url.rstrip("/")
    message = f"{base}/{FOLDER}/{_message(entry)}" if base else _message(entry)
    SubElement(node, f"{{{ATOM}}}link", rel="related", href=message, type="application/cap+xml")
    for ring in _rings(summary):
        _text(node, GEORSS, "polygon", " ".join(f"{y:.5f} {x:.5f}" for x, y in ring))
        break  # an entry has one place (GeoRSS Simple)


def cap(
    told: Sequence[Summary], languages: Sequence[str], policy: Policy, first: Summary | None
) -> Element:
    """Return the CAP message of a package.

    Severity and urgency are ``Unknown``: a map states what was seen, and warns of nothing.

    Parameters
    ----------
    told : sequence of Summary
        Of one package, in each language.
    languages : sequence of str
        Of ``told``.
    policy : Policy
        Who speaks.
    first : Summary, optional
        The first product of the same event: this one is then an update of it.
    """
    main = told[0]
    alert = Element(f"{{{CAP}}}alert")
    _text(alert, CAP, "identifier", main.product)
    _text(alert, CAP, "sender", _sender(policy))
    _text(alert, CAP, "sent", _moment(main))
    status = "Exercise" if main.exercise else "Draft" if main.draft else "Actual"
    _text(alert, CAP, "status", status)
    _text(alert, CAP, "msgType", "Alert" if first is None else "Update")
    _text(alert, CAP, "scope", "Public")
    if main.exercise:
        _text(alert, CAP, "note", "EXERCISE: simulated, not real")
    if first is not None:
        _text(alert, CAP, "references", f"{_sender(policy)},{first.product},{_moment(first)}")
    for summary, language in zip(told, languages, strict=True):
        _info(alert, summary, language, policy)
    return alert


def _info(alert: Element, summary: Summary, language: str, policy: Policy) -> None:
    info = SubElement(alert, f"{{{CAP}}}info")
    _text(info, CAP, "language", language)
    _text(info, CAP, "category", _CATEGORY[summary.hazard])
    _text(info, CAP, "event", summary.kind)
    _text(info, CAP, "urgency", "Unknown")
    _text(info, CAP, "severity", "Unknown")
    _text(info, CAP, "certainty", "Observed" if summary.found else "Unknown")
    _text(info, CAP, "senderName", policy.producer)
    _text(info, CAP, "headline", summary.headline)
    _text(info, CAP, "description", _told(summary))
    if policy.catalog_url:
        _text(info, CAP, "web", link_to(summary, policy, f"brief.{language}.html"))
        resource = SubElement(info, f"{{{CAP}}}resource")
        _text(resource, CAP, "resourceDesc", summary.kind)
        _text(resource, CAP, "mimeType", "application/pdf")
        _text(resource, CAP, "uri", link_to(summary, policy, f"sheet.{language}.pdf"))
    area = SubElement(info, f"{{{CAP}}}area")
    _text(area, CAP, "areaDesc", summary.place)
    for ring in _rings(summary):
        _text(area, CAP, "polygon", " ".join(f"{y:.5f},{x:.5f}" for x, y in ring))


def _told(summary: Summary) -> str:
    return "\n".join(f"{label}: {text}" for label, text in summary.lines)


def _rings(summary: Summary) -> list[list[tuple[float, float]]]:
    """Return the outer rings, largest first, simplified so that a receiver can hold them."""
    parts = sorted(shapely.get_parts(summary.geometry), key=lambda p: p.area, reverse=True)
    rings = []
    for part in parts:
        outline, step = part.exterior, 0.001
        while len(outline.coords) > _CORNERS:
            outline, step = part.exterior.simplify(step), step * 2
        rings.append([(x, y) for x, y, *_ in outline.coords])
    return rings


def _sender(policy: Policy) -> str:
    """Return who sends: an address, without what CAP forbids in it."""
    contact = policy.contact.strip()
    fit = "@" in contact and not any(c in contact for c in " ,<&")
    return contact if fit else _SENDER


def _moment(summary: Summary) -> str:
    """Return the release as CAP writes it: UTC is ``-00:00``."""
    return summary.released.strftime("%Y-%m-%dT%H:%M:%S-00:00")


def _uuid(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"reliefscope:{name}")


def _text(parent: Element, space: str, name: str, text: str) -> None:
    SubElement(parent, f"{{{space}}}{name}").text = text


def _xml(root: Element) -> bytes:
    register_namespace("", root.tag[1:].partition("}")[0])
    register_namespace("georss", GEORSS)
    indent(root, " ")
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
