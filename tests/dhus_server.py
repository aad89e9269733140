"""A DHuS hub on loopback, and a player of recorded exchanges with the real one."""

import base64
import collections
import datetime as dt
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import shapely
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

USER, PASSWORD = "anna", "pa55w0rd"

_TOMCAT_401 = "<!doctype html><title>HTTP Status 401 - Unauthorized</title>"
_PRODUCT = re.compile(r"/dhus/odata/v1/Products\('([^']*)'\)(/.*)?")
_ALL = slice(None)


@dataclass
class Product:
    """One product of the hub, and how it behaves."""

    uuid: str
    name: str
    start: dt.datetime
    footprint: str
    content: bytes
    kind: dict
    online: bool = True
    triggers_to_online: int = 1
    """Orders after which it comes online."""
    lies: dict = field(default_factory=dict)
    """Fields of its OData record that are not true."""


class DhusHub:
    """A hub that speaks as the recorded one: OpenSearch, OData, ranges, archive.

    ``faults`` are answered, one by one, instead of what was asked for.
    """

    def __init__(self, products=()):
        self.products = {p.uuid: p for p in products}
        self.faults = []
        self.asked, self.queries = [], []
        self.sent = 0
        self.quota = 20
        self.busy = 0
        self.cut = 0
        """Bytes after which the next download breaks off."""
        self.extra = []
        """Entries added to each answer to a search as they are."""
        self.total = None
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "HEAD"])])

    async def answer(self, request: Request) -> Response:
        path = unquote(request.url.path)
        self.asked.append(path)
        if self.faults:
            return self.faults.pop(0)
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {token}":
            return Response(_TOMCAT_401, 401, media_type="text/html")
        if path == "/dhus/search":
            return self.search(dict(request.query_params))
        match = _PRODUCT.fullmatch(path)
        return self.product(request, *match.groups()) if match else Response("NOT FOUND", 404)

    def product(self, request: Request, uuid: str, rest: str | None) -> Response:
        product = self.products.get(uuid)
        if product is None:
            return _cause(404, f"InvalidKeyException : Invalid key ({uuid}) to access Products")
        if rest == "/Online/$value":
            return PlainTextResponse(str(product.online).lower())
        return self.value(request, product) if rest == "/$value" else self.record(request, product)

    def search(self, query: dict) -> Response:
        self.queries.append(query["q"])
        found = [p for p in self.products.values() if _fits(p, query["q"])]
        found.sort(key=lambda p: p.start)
        page = found[int(query["start"]) :][: int(query["rows"])]
        entries = [self.entry(p) for p in page] + self.extra
        total = len(found) if self.total is None else self.total
        feed = {"opensearch:totalResults": str(total)}
        if entries:  # one entry is an object, several are a list
            feed["entry"] = entries[0] if len(entries) == 1 else entries
        return JSONResponse({"feed": feed})

    @staticmethod
    def entry(product: Product) -> dict:
        """Return a product as an answer to a search states it."""
        strings = {
            **product.kind,
            "identifier": product.name,
            "footprint": product.footprint,
            "gmlfootprint": "<gml:Polygon/>",
            "orbitdirection": "DESCENDING",
            "size": "1.87 GB",
            "uuid": product.uuid,
        }
        return {
            "title": product.name,
            "id": product.uuid,
            "link": [{"href": "https://elsewhere.example.org/$value"}],
            "summary": "Date",
            "ondemand": "false",
            "date": [{"name": "beginposition", "content": _stamp(product.start)}],
            "int": [{"name": "relativeorbitnumber", "content": "168"}],
            "double": {"name": "cloudcoverpercentage", "content": "12.5"},
            "str": [{"name": name, "content": content} for name, content in strings.items()],
        }

    def record(self, request: Request, product: Product) -> Response:
        url = str(request.url).split("?")[0]
        stated = {
            "__metadata": {"media_src": f"{url}/$value"},
            "Id": product.uuid,
            "Name": product.name,
            "ContentLength": str(len(product.content)),
            "Online": product.online,
            "CreationDate": "/Date(1538515377689)/",
            "IngestionDate": "/Date(1524650275743)/",
            "ContentDate": {"Start": "/Date(1480268677708)/", "End": "/Date(1480268186981)/"},
            "Checksum": {"Algorithm": "MD5", "Value": hashlib.md5(product.content).hexdigest()},  # noqa: S324 - as DHuS
            "ContentGeometry": None,
            "Attributes": {},
        } | product.lies
        return JSONResponse({"d": stated})

    def value(self, request: Request, product: Product) -> Response:
        if not product.online:
            return self.order(product)
        if self.busy:
            self.busy -= 1
            return _cause(
                403,
                "An exception occured while creating a stream: Maximum number of 4 concurrent "
                f'flows achieved by the user "{USER}"',
            )
        etag = f'"{hashlib.md5(product.content).hexdigest()}"'  # noqa: S324 - names the content
        headers = {
            "accept-ranges": "bytes",
            "etag": etag,
            "content-disposition": 'inline;filename="../../evil.zip"',
        }
        total, start, stop, status = len(product.content), 0, len(product.content), 200
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if span and request.headers.get("if-range", etag) == etag:
            start, stop, status = int(span[1]), min(int(span[2] or total) + 1, total), 206
            headers["content-range"] = f"bytes {start}-{stop - 1}/{total}"
        body = product.content[start:stop]
        headers["content-length"] = str(len(body))
        if status == 200 or not span[2]:
            if self.cut:
                body, self.cut = body[: self.cut], 0
            self.sent += len(body)
        return Response(body, status, headers, "application/octet-stream")

    def order(self, product: Product) -> Response:
        if self.quota <= 0:
            return _cause(
                403,
                f"User '{USER}' offline products retrieval quota exceeded (20 fetches max) "
                f"trying to fetch product {product.name}",
            )
        self.quota -= 1
        product.triggers_to_online -= 1
        product.online = product.triggers_to_online <= 0
        return Response(status_code=202)


def _cause(status: int, cause: str) -> Response:
    return Response(status_code=status, headers={"cause-message": cause})


def _stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _fits(product: Product, query: str) -> bool:
    words = dict(re.findall(r'(\w+):("[^"]*"|\[[^\]]*\])', query))
    begin, end = re.findall(r'"([^"]*)"', words.pop("beginPosition"))
    area = re.fullmatch(r'"Intersects\((.*)\)"', words.pop("footprint"))[1]
    words.pop("cloudcoverpercentage", None)
    return (
        begin <= product.start.strftime("%Y-%m-%dT%H:%M:%SZ") <= end
        and shapely.intersects(shapely.from_wkt(area), shapely.from_wkt(product.footprint))
        and all(product.kind.get(name) == value.strip('"') for name, value in words.items())
    )


_KEPT_HEADERS = {
    "content-type",
    "content-encoding",
    "content-disposition",
    "content-range",
    "cause-message",
    "etag",
}


class Replayer:
    """Serves the recorded exchanges of a folder of VCR cassettes, under ``/apihub`` and ``/dhus``.

    Requests are matched by method, path, query and range; exchanges recorded several times are
    served in the order of their recording, the last one again and again.
    """

    def __init__(self, cassettes: Path):
        self.data = cassettes / "data"
        self.exchanges = [
            (path.name, exchange)
            for path in sorted(cassettes.glob("*.yaml"))
            for exchange in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)["interactions"]
        ]
        self.queues = collections.defaultdict(collections.deque)
        for number, (_, exchange) in enumerate(self.exchanges):
            if urlsplit(exchange["request"]["uri"]).hostname.endswith("hub.copernicus.eu"):
                self.queues[self.key(exchange["request"])].append(number)
        self.served, self.missed = set(), []
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "HEAD"])])

    @staticmethod
    def key(request: dict) -> tuple:
        """Return what makes two requests the same."""
        parts = urlsplit(request["uri"])
        headers = {name.lower(): value for name, value in request["headers"].items()}
        return (
            request["method"],
            unquote(parts.path),
            tuple(sorted(parse_qsl(parts.query, keep_blank_values=True))),
            "".join(headers.get("range", "")),
        )

    async def answer(self, request: Request) -> Response:
        asked = {
            "method": request.method,
            "uri": str(request.url),
            "headers": {"range": request.headers.get("range", "")},
        }
        unranged = self.key({**asked, "headers": {}})  # some ranges were not recorded
        queue = self.queues.get(self.key(asked)) or self.queues.get(unranged)
        if not queue:
            self.missed.append(self.key(asked))
            return Response(status_code=599)
        number = queue.popleft() if len(queue) > 1 else queue[0]
        self.served.add(number)
        return self.play(self.exchanges[number][1]["response"], str(request.base_url))

    def play(self, recorded: dict, base: str) -> Response:
        headers = {k.lower(): v[0] for k, v in recorded["headers"].items()}
        body = recorded["body"]
        if "string" in body:
            text = body["string"]
            content = text if isinstance(text, bytes) else text.encode()
            for host in ("apihub", "scihub"):
                content = content.replace(f"https://{host}.copernicus.eu/".encode(), base.encode())
        else:
            content = self.file(headers)
        kept = {k: v for k, v in headers.items() if k in _KEPT_HEADERS}
        kept = {k: v.encode("utf-8").decode("latin-1") for k, v in kept.items()}
        return Response(content, recorded["status"]["code"], kept)

    def file(self, headers: dict) -> bytes:
        """Return the body that the cassettes keep beside themselves, or as many zeros."""
        name = headers["content-disposition"].split("=", 1)[1].strip('"')
        first, last = map(int, re.match(r"bytes (\d+)-(\d+)/", headers["content-range"]).groups())
        path = self.data / name
        content = path.read_bytes() if path.exists() else bytes(last + 1)
        return content[first : last + 1]
