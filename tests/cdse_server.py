"""The Copernicus Data Space on loopback: identity, OData catalogue, downloads."""

import datetime as dt
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

import shapely
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

USER, PASSWORD = "anna@example.org", "pa55 w0rd&"


class Identity:
    """An OpenID Connect token endpoint that counts and remembers what it has granted."""

    def __init__(self):
        self.granted, self.sessions, self.grants = set(), set(), []
        self.lifetime, self.session = 600, 3600
        self.faults = []
        self.routes = [Route("/token", self.token, methods=["POST"])]

    async def token(self, request: Request) -> Response:
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        self.grants.append(form["grant_type"])
        if self.faults:
            return self.faults.pop(0)
        known = {
            "password": (form.get("username"), form.get("password")) == (USER, PASSWORD),
            "refresh_token": form.get("refresh_token") in self.sessions,
        }
        if not known[form["grant_type"]] or form["client_id"] != "cdse-public":
            said = {"error": "invalid_grant", "error_description": f"not valid: {form}"}
            status = 401 if form["grant_type"] == "password" else 400
            return JSONResponse(said, status)
        access, refresh = secrets.token_hex(16), secrets.token_hex(16)
        self.granted.add(access)
        self.sessions.add(refresh)
        return JSONResponse(
            {
                "access_token": access,
                "expires_in": self.lifetime,
                "refresh_token": refresh,
                "refresh_expires_in": self.session,
                "token_type": "Bearer",
                "scope": "AUDIENCE_PUBLIC openid email profile",
            }
        )

    def knows(self, request: Request) -> bool:
        """Say whether a request bears a token that was granted and not taken back."""
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self.granted


@dataclass
class Item:
    """One product of the catalogue; ``lies`` are fields of its record that are not true."""

    uuid: str
    name: str
    start: dt.datetime
    footprint: dict | None
    type: str
    content: bytes = b""
    cloud: float = 12.5
    online: bool = True
    lies: dict = field(default_factory=dict)


class DataSpace:
    """Catalogue and downloads; ``faults`` are answered instead, one by one."""

    def __init__(self, items=()):
        self.items = {i.uuid: i for i in items}
        self.identity = Identity()
        self.faults, self.asked, self.extra = [], [], []
        self.sent, self.cut = 0, 0
        self.endless = False
        self.app = Starlette(
            routes=[
                *self.identity.routes,
                Route("/odata/v1/Products", self.search),
                Route("/odata/v1/Products({uuid})/$value", self.download),
            ]
        )

    async def search(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        if self.faults:
            return self.faults.pop(0)
        found = sorted(
            (i for i in self.items.values() if _fits(i, query["$filter"])), key=lambda i: i.start
        )
        skip, top = int(query["$skip"]), int(query["$top"])
        page = [record(i) for i in found[skip : skip + top]] + self.extra
        answer = {"@odata.context": "$metadata#Products(Attributes())", "value": page}
        if skip + top < len(found) or self.endless:
            following = urlencode({**query, "$skip": skip + top})
            answer["@odata.nextLink"] = f"https://elsewhere.example.org/Products?{following}"
        return Response(json.dumps(answer), media_type="application/json")

    async def download(self, request: Request) -> Response:
        item = self.items.get(request.path_params["uuid"])
        if not self.identity.knows(request):
            return JSONResponse({"detail": "Expired signature!"}, 401)
        if self.faults:
            return self.faults.pop(0)
        if item is None:
            return JSONResponse({"detail": "Product not found in catalogue"}, 404)
        total, start, status = len(item.content), 0, 200
        headers = {"etag": f'"{hashlib.sha256(item.content).hexdigest()}"'}
        span = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if span:
            start, status = int(span[1]), 206
            headers["content-range"] = f"bytes {start}-{total - 1}/{total}"
        body = item.content[start:]
        headers["content-length"] = str(len(body))
        if self.cut:
            body, self.cut = body[: self.cut], 0
        self.sent += len(body)
        return Response(body, status, headers, "application/zip")


def record(item: Item) -> dict:
    """Return a product as the catalogue states it."""
    md5 = hashlib.md5(item.content).hexdigest()  # noqa: S324 - what the catalogue states
    attributes = {
        "relativeOrbitNumber": 45,
        "orbitDirection": "DESCENDING",
        "cloudCover": item.cloud,
        "productType": item.type,
    }
    return {
        "@odata.mediaContentType": "application/octet-stream",
        "Id": item.uuid,
        "Name": item.name,
        "ContentLength": len(item.content),
        "Online": item.online,
        "S3Path": f"/eodata/Sentinel/{item.name}",
        "Checksum": [{"Value": md5, "Algorithm": "MD5", "ChecksumDate": _stamp(item.start)}],
        "ContentDate": {"Start": _stamp(item.start), "End": _stamp(item.start)},
        "GeoFootprint": item.footprint,
        "Attributes": [{"Name": k, "Value": v} for k, v in attributes.items()],
    } | item.lies


def _stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _fits(item: Item, question: str) -> bool:
    collection = re.search(r"Collection/Name eq '([^']*)'", question)[1]
    kind = re.search(
        r"'productType' and att/OData.CSC.StringAttribute/Value eq '([^']*)'", question
    )
    area = re.search(r"Intersects\(area=geography'SRID=4326;([^']*)'\)", question)[1]
    start, end = (
        re.search(rf"ContentDate/Start {word} (\S+)", question)[1] for word in ("ge", "lt")
    )
    cloud = re.search(r"'cloudCover' and att/OData.CSC.DoubleAttribute/Value le ([\d.]+)", question)
    return (
        {"S1": "SENTINEL-1", "S2": "SENTINEL-2"}[item.name[:2]] == collection
        and item.type == kind[1]
        and start <= _stamp(item.start) < end
        and (cloud is None or item.cloud <= float(cloud[1]))
        and item.footprint is not None
        and shapely.intersects(shapely.geometry.shape(item.footprint), shapely.from_wkt(area))
    )
