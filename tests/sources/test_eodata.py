import contextlib
import datetime as dt
import re
import subprocess
import sysconfig
import time
from pathlib import Path

import numpy as np
import obstore
import pytest
import rasterio
import requests
from obstore.store import S3Store
from odc.geo.geobox import GeoBox
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reliefscope.errors import (
    AccessError,
    IntegrityError,
    NothingFoundError,
    SourceError,
    UnavailableError,
)
from reliefscope.settings import Settings
from reliefscope.sources import _eodata
from reliefscope.sources._products import Record, as_granule
from reliefscope.sources._profiles import ACCESS_S3, BUCKET
from reliefscope.sources.cdse import CdseSource
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server, free_port
from tests.sources.safe.make import EPSG, NORTH, WEST, Optical

MOTO = Path(sysconfig.get_path("scripts")) / "moto_server"
KEY, SECRET = "AKIA-of-nobody", "s3cret/of+nobody"
SIDE = 2048
FOLDER = "Sentinel-2/MSI/L2A/2023/08/10"
PRODUCT = Optical()
FAST = Retry(attempts=2, first_s=0.01, deadline_s=5)


class Gate:
    """Stands before the object store: asks for the key, refuses HEAD on signed links, counts."""

    def __init__(self, store: str):
        self.store, self.asked, self.bytes = store, [], {}
        self.status = 0
        self.app = Starlette(routes=[Route("/{p:path}", self.answer, methods=["GET", "HEAD"])])

    def answer(self, request: Request) -> Response:
        query = dict(request.query_params)
        signed = query.get("X-Amz-Credential") or request.headers.get("authorization", "")
        self.asked.append((request.method, request.url.path, request.headers.get("range")))
        if self.status:
            return Response(status_code=self.status)
        # a link is signed for GET: HEAD is another request, with another signature
        if KEY not in signed or (request.method == "HEAD" and "X-Amz-Signature" in query):
            return Response(status_code=403)
        kept = {k: v for k, v in request.headers.items() if k in {"range", "authorization"}}
        url = f"{self.store}{request.url.path}?{request.url.query}"
        answer = requests.request(request.method, url, headers=kept, timeout=60)
        if "range" in kept:  # without one GDAL reads the headers only, and hangs up
            name = request.url.path.rpartition("/")[2]
            self.bytes[name] = self.bytes.get(name, 0) + len(answer.content)
        passed = {
            k: v
            for k, v in answer.headers.items()
            if k.lower() in {"content-type", "content-range", "accept-ranges", "etag"}
            or k.lower().startswith(("x-amz", "last-mod"))
        }
        return Response(answer.content, answer.status_code, passed)


@contextlib.contextmanager
def _moto():
    port = free_port()
    command = [str(MOTO), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(  # noqa: S603 - a server from a package, on loopback
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(1800):
                with contextlib.suppress(requests.ConnectionError):
                    requests.get(url, timeout=60)
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(180)


@pytest.fixture(scope="module")
def pixels():
    """Digital numbers of the red band, larger than the rest of the product: noise, one glare."""
    numbers = np.random.default_rng(5).integers(1100, 5000, (SIDE, SIDE), dtype="uint16")
    numbers[1700, 1500] = 65535
    return numbers


@pytest.fixture(scope="module")
def bucket(tmp_path_factory, pixels):
    """A SAFE product laid out in a bucket, as the Data Space lays it out."""
    root = PRODUCT.write(tmp_path_factory.mktemp("safe"))
    (red,) = root.rglob("*_B04_10m.jp2")
    with rasterio.open(
        red,
        "w",
        driver="JP2OpenJPEG",
        count=1,
        height=SIDE,
        width=SIDE,
        dtype="uint16",
        crs=f"EPSG:{EPSG}",
        transform=rasterio.Affine(10, 0, WEST, 0, -10, NORTH),
        QUALITY="100",
        REVERSIBLE="YES",
        BLOCKXSIZE="512",
        BLOCKYSIZE="512",
    ) as raster:
        raster.write(pixels, 1)
    with _moto() as url:
        requests.put(f"{url}/{BUCKET}", timeout=60).raise_for_status()
        store = S3Store(
            BUCKET,
            endpoint=url,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        for file in root.rglob("*.*"):
            if file.is_file():
                obstore.put(store, f"{FOLDER}/{root.name}/{file.relative_to(root)}", file)
        yield url, red.stat().st_size


@pytest.fixture
def gate(bucket):
    gate = Gate(bucket[0])
    with app_server(gate.app) as gate.url:
        yield gate


def _source(gate, folder, **settings):
    secrets = settings.pop("secrets", {"CDSE_S3_ACCESS_KEY": KEY, "CDSE_S3_SECRET_KEY": SECRET})
    wire = Transport(
        Settings(cache=folder, netrc=folder / "none", secrets=secrets, **settings), retry=FAST
    )
    return CdseSource(in_place=True, store=gate.url, transport=wire)


def _granule(name=PRODUCT.name, **properties):
    record = Record(
        name=f"{name}.SAFE",
        start=dt.datetime(2023, 8, 10, 9, 45, 49, tzinfo=dt.UTC),
        footprint=PRODUCT.grid.extent.to_crs("EPSG:4326").geom,
        download="https://download.example.org/Products(1)/$value",
        href="https://catalogue.example.org/Products(1)",
        properties={"s3": f"/eodata/{FOLDER}/{name}.SAFE", **properties},
    )
    return as_granule(record, "cdse")


def _window(column, row, side=64):
    left, top = WEST + column * 10, NORTH - row * 10
    return GeoBox.from_bbox(
        (left, top - side * 10, left + side * 10, top), crs=f"EPSG:{EPSG}", shape=(side, side)
    )


def test_a_window_of_a_product_is_read_in_place(gate, bucket, pixels, tmp_path):
    """64 pixels a side of 2048: exact reflectance, by ranges, a fraction of the file's bytes."""
    source = _source(gate, tmp_path)
    cube = source.load([_granule()], _window(1500, 1700), ["red"])
    read = cube["red"].isel(time=0).to_numpy()
    told = pixels[1700:1764, 1500:1564] * 1e-4 - 0.1
    told[0, 0] = np.nan  # saturated: nobody knows how bright
    np.testing.assert_allclose(read, told, rtol=1e-5)
    (red,) = (n for n in gate.bytes if "_B04_10m" in n)
    assert gate.bytes[red] < 0.25 * bucket[1]
    assert [method for method, path, _ in gate.asked if path.endswith(red)].count("HEAD") == 0
    assert not any("SCL" in name for name in gate.bytes)
    assert not list(tmp_path.rglob("*.*p2"))
    assert not list(tmp_path.rglob("*.zip"))


def test_classes_and_bands_come_at_their_own_size(gate, tmp_path):
    """Scene classes stay classes; 20 m bands lie on the 10 m grid; all with the right offset."""
    cube = _source(gate, tmp_path).load([_granule()], PRODUCT.grid, ["scl", "swir22", "blue"])
    assert set(np.unique(cube["scl"])) == {4.0}
    np.testing.assert_allclose(cube["swir22"], 0.2, rtol=1e-5)
    np.testing.assert_allclose(cube["blue"], 0.2, rtol=1e-5)


def test_a_product_is_listed_with_sizes(gate, tmp_path):
    """Every file of the product, named as within it, and nothing of its neighbours."""
    source = _source(gate, tmp_path)
    store = _eodata.ObjectStore(
        endpoint=gate.url, bucket=BUCKET, wire=source._wire, access=ACCESS_S3
    )
    files = store.files(f"{FOLDER}/{PRODUCT.name}.SAFE")
    assert {"manifest.safe", "MTD_MSIL2A.xml"} < set(files)
    assert len(files) == 2 + len(PRODUCT.images())
    assert all(size > 0 for size in files.values())
    with pytest.raises(NothingFoundError, match="search again"):
        store.files(f"{FOLDER}/{PRODUCT.name[:-1]}")


def test_links_are_signed_for_reading_and_do_not_hold_the_secret(gate, tmp_path):
    """Anyone with the link can read one file for a day, and cannot sign another."""
    source = _source(gate, tmp_path)
    store = _eodata.ObjectStore(
        endpoint=gate.url, bucket=BUCKET, wire=source._wire, access=ACCESS_S3
    )
    link = store.link(f"{FOLDER}/{PRODUCT.name}.SAFE/MTD_MSIL2A.xml")
    assert "X-Amz-Expires=86400" in link
    assert SECRET not in requests.utils.unquote(link)
    assert requests.get(link, timeout=60).status_code == 200
    assert requests.head(link, timeout=60).status_code == 403
    assert requests.get(link.partition("?")[0], timeout=60).status_code == 403
    assert SECRET not in repr(store)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("", PRODUCT.name),
        ("/eodata/../secrets/x.SAFE", PRODUCT.name),
        (f"/other/{FOLDER}/{PRODUCT.name}.SAFE", PRODUCT.name),
        (f"/eodata/{FOLDER}/../{PRODUCT.name}.SAFE", PRODUCT.name),
        (f"/eodata//{PRODUCT.name}.SAFE", PRODUCT.name),
        (f"/eodata/{FOLDER}/{PRODUCT.name}.SAFE?x", PRODUCT.name),
        (f"/eodata/{FOLDER}/{PRODUCT.name}.SAFE", PRODUCT.name.replace("33TWM", "33TWN")),
    ],
)
def test_the_catalogue_cannot_send_us_elsewhere(gate, tmp_path, stated, name):
    """No folder, a climb, another bucket, another product: nothing is asked for."""
    with pytest.raises(IntegrityError, match="fetch whole products"):
        _source(gate, tmp_path).load([_granule(name, s3=stated)], PRODUCT.grid, ["red"])
    assert gate.asked == []


def test_a_product_that_is_gone_is_not_found(gate, tmp_path):
    """Listed in the catalogue, no longer in the store."""
    gone = _granule(PRODUCT.name.replace("33TWM", "33TWN"))
    with pytest.raises(NothingFoundError, match="search again"):
        _source(gate, tmp_path).load([gone], PRODUCT.grid, ["red"])


@pytest.mark.parametrize(
    ("status", "error"), [(401, AccessError), (403, AccessError), (503, UnavailableError)]
)
def test_refusals_and_storms_have_their_errors_without_keys_in_them(gate, tmp_path, status, error):
    """Refused keys are an access error; a store that stays ill is unavailable."""
    gate.status = status
    with pytest.raises(error) as said:
        _source(gate, tmp_path).load([_granule()], PRODUCT.grid, ["red"])
    assert not re.search(f"{KEY}|{re.escape(SECRET)}|X-Amz", str(said.value))


def test_a_store_that_fails_while_pixels_are_read_leaves_no_hole(gate, tmp_path):
    """What could not be read is an error when computed, not an unobserved pixel."""
    cube = _source(gate, tmp_path).load([_granule()], _window(600, 600), ["red"])
    gate.status = 403
    with pytest.raises(SourceError) as said:
        cube["red"].compute()
    assert "X-Amz" not in str(said.value)


def test_without_keys_or_network_it_is_said_what_to_do(gate, tmp_path):
    """Names of the keys and where to get them; offline, how to prepare."""
    with pytest.raises(AccessError, match=r"CDSE_S3_ACCESS_KEY.*s3keysmanager"):
        _source(gate, tmp_path, secrets={}).load([_granule()], PRODUCT.grid, ["red"])
    with pytest.raises(UnavailableError, match="reliefscope fetch"):
        _source(gate, tmp_path, offline=True).load([_granule()], PRODUCT.grid, ["red"])
    assert gate.asked == []
