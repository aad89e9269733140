import datetime as dt
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.granule import Asset, Granule
from reliefscope.model.grid import grid_for
from reliefscope.settings import Settings
from reliefscope.sources._profiles import PROFILES
from reliefscope.sources._raster import load_granules
from reliefscope.sources._signing import EarthdataSigner, StoreSigner, TokenSigner, signer
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.retry import Retry
from tests.scenes import lonlat_bounds, write_raster
from tests.servers import app_server

BLOB = "https://acct.blob.core.windows.net"


@pytest.fixture(scope="module")
def service():
    """A token service that counts how often it is asked."""
    asked = []

    async def token(request):
        asked.append(request.path_params["container"])
        status = {"closed": 403, "broken": 500}.get(asked[-1], 200)
        return JSONResponse({"token": "sig=s3cret"}, status_code=status)

    with app_server(Starlette(routes=[Route("/{account}/{container}", token)])) as url:
        yield url, asked


def _signer(url, tmp_path):
    settings = Settings(cache=tmp_path, netrc=tmp_path / "none")
    return TokenSigner(url, Transport(settings, retry=Retry(attempts=2, first_s=0.01)).at(url))


def test_one_token_serves_a_container(service, tmp_path):
    """Two files of one container cost one request; other hosts are left alone."""
    url, asked = service
    sign = _signer(url, tmp_path)
    assert sign(f"{BLOB}/s1/a.tif") == f"{BLOB}/s1/a.tif?sig=s3cret"
    assert sign(f"{BLOB}/s1/b.tif").endswith("b.tif?sig=s3cret")
    assert asked == ["s1"]
    assert sign("https://example.org/c.tif") == "https://example.org/c.tif"


def test_refusal_and_failure_are_told_apart_without_the_secret(service, tmp_path):
    """403 is access, 500 is unavailable; no message and no repr of an error holds a token."""
    sign = _signer(service[0], tmp_path)
    with pytest.raises(AccessError) as refused:
        sign(f"{BLOB}/closed/a.tif")
    with pytest.raises(UnavailableError) as failed:
        sign(f"{BLOB}/broken/a.tif")
    assert "s3cret" not in f"{refused.value!r}{failed.value!r}"


def test_a_token_is_renewed_before_it_ends_and_once_for_all_threads(tmp_path):
    """Tokens of two minutes are asked for each time, tokens of an hour once by ten threads;
    none is kept in the cache or shown."""
    asked = []

    async def token(request):
        asked.append(request.path_params["container"])
        minutes = 2 if asked[-1] == "short" else 60
        end = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
        return JSONResponse({"token": "sig=s3cret", "msft:expiry": end.isoformat()})

    with app_server(Starlette(routes=[Route("/{account}/{container}", token)])) as url:
        sign = _signer(url, tmp_path)
        for _ in range(3):
            sign(f"{BLOB}/short/a.tif")
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(sign, [f"{BLOB}/long/{n}.tif" for n in range(40)]))
    assert asked == ["short"] * 3 + ["long"]
    assert "s3cret" not in repr(sign)
    assert not any(b"s3cret" in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    travelled = pickle.loads(pickle.dumps(sign))  # noqa: S301 - our own
    assert travelled.endpoint == url
    assert travelled._tokens == {}


TOKEN = "tok-of-nobody"


class Archive:
    """A guarded archive: it knows a token, signs links for an hour, and counts."""

    def __init__(self):
        self.asked, self.status, self.onward = [], 0, None

    async def guarded(self, request):
        self.asked.append(dict(request.headers))
        if self.status:
            return Response(status_code=self.status)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return RedirectResponse("http://localhost:9/oauth/authorize", 302)
        return RedirectResponse(f"{self.onward}{request.url.path}?Signature=s1gned", 303)


@pytest.fixture
def archive():
    """The archive, and the store to which its links lead: two hosts."""
    guard = Archive()
    store = []

    async def stored(request):
        store.append(dict(request.headers))
        return Response(b"x" * 10)

    with (
        app_server(Starlette(routes=[Route("/{p:path}", guard.guarded)])) as home,
        app_server(Starlette(routes=[Route("/{p:path}", stored)])) as onward,
    ):
        guard.onward = onward.replace("127.0.0.1", "localhost")
        yield guard, home, store


def _earthdata(tmp_path, **secrets):
    settings = Settings(
        cache=tmp_path,
        netrc=tmp_path / "none",
        allow_hosts=frozenset({"127.0.0.1", "localhost"}),
        secrets=secrets,
    )
    wire = Transport(settings, retry=Retry(attempts=2, first_s=0.01))
    return EarthdataSigner(wire, ("127.0.0.1",), "oauth.example"), wire


def test_the_reader_gets_a_signed_link_and_never_the_token(archive, tmp_path):
    """The archive sees the token, the store it sends us to does not; one question for a file."""
    guard, home, store = archive
    sign, wire = _earthdata(tmp_path, EARTHDATA_TOKEN=TOKEN)
    link = sign(f"{home}/a/B04.tif")
    assert link == f"{guard.onward}/a/B04.tif?Signature=s1gned"
    assert TOKEN not in link
    assert sign(f"{home}/a/B04.tif") == link
    assert len(guard.asked) == 1
    wire.content(Ask(url=link), keep=False)
    assert not any("authorization" in headers for headers in store)
    assert TOKEN not in repr(sign)
    assert TOKEN not in repr(pickle.loads(pickle.dumps(sign)))  # noqa: S301 - our own


def test_only_the_archives_own_hosts_see_the_token(archive, tmp_path):
    """Other hosts are left alone, however much their names resemble."""
    guard, _, _ = archive
    sign = EarthdataSigner(_earthdata(tmp_path, EARTHDATA_TOKEN=TOKEN)[1])
    for href in (
        "https://example.org/a.tif",
        "https://earthdatacloud.nasa.gov.example.org/a.tif",
        "https://notearthdata.nasa.gov.evil/a.tif",
        "https://xearthdata.nasa.gov/a.tif",
        "s3://bucket/a.tif",
    ):
        assert sign(href) == href
    assert guard.asked == []


def test_a_refused_token_is_an_access_error(archive, tmp_path):
    """Sent on to the login page, refused outright, or not there at all: never shown."""
    guard, home, _ = archive
    wrong, wire = _earthdata(tmp_path, EARTHDATA_TOKEN="wr0ng")
    at_login = EarthdataSigner(wire, ("127.0.0.1",), "localhost")
    with pytest.raises(AccessError, match="terms of this data set") as refused:
        at_login(f"{home}/a.tif")
    assert "wr0ng" not in str(refused.value)
    guard.status = 403
    with pytest.raises(AccessError):
        wrong(f"{home}/a.tif")
    guard.status = 500
    with pytest.raises(UnavailableError):
        wrong(f"{home}/a.tif")
    with pytest.raises(AccessError, match="profile"):
        _earthdata(tmp_path)[0](f"{home}/a.tif")


def test_pixels_of_an_archive_are_read_through_signed_links(tmp_path):
    """A raster behind the guard arrives as pixels, in lazy blocks too; no request of the reader
    carries the token."""
    values = np.arange(64 * 64, dtype="float32").reshape(64, 64)
    path = write_raster(tmp_path / "x_B01_WTR.tif", values)
    seen = []
    content = path.read_bytes()

    async def both(request):
        signed = "Signature" in request.query_params
        seen.append((signed, "authorization" in request.headers))
        if not signed:
            return RedirectResponse(f"{request.url.path}?Signature=s1gned", 303)
        span = request.headers.get("range")
        if span is None:
            return Response(content, headers={"accept-ranges": "bytes"})
        first, last = span.removeprefix("bytes=").split("-")
        part = content[int(first) : int(last or len(content) - 1) + 1]
        end = int(first) + len(part) - 1
        about = {"content-range": f"bytes {first}-{end}/{len(content)}", "accept-ranges": "bytes"}
        return Response(part, 206, headers=about)

    with app_server(Starlette(routes=[Route("/{p:path}", both, methods=["GET", "HEAD"])])) as url:
        sign, _ = _earthdata(tmp_path / "cache", EARTHDATA_TOKEN=TOKEN)
        href = f"{url}/x_B01_WTR.tif"
        granule = Granule(
            id="x",
            source="stac",
            collection="c",
            acquired=dt.datetime(2023, 1, 1, tzinfo=dt.UTC),
            footprint=shapely.box(*lonlat_bounds(path)),
            assets={"elevation": Asset(href=href, units="m")},
        )
        grid = grid_for(Area.from_bbox(*lonlat_bounds(path)), 10)
        cube = load_granules([granule], grid, ["elevation"], sign=sign, check=False)
        assert np.isfinite(cube["elevation"].to_numpy()).any()
    assert {carried for signed, carried in seen if signed} == {False}
    assert {carried for signed, carried in seen if not signed} == {True}


def test_links_into_the_object_store_are_signed_with_keys(tmp_path):
    """Only those of its own bucket; without keys the message says how to get some."""
    settings = Settings(
        cache=tmp_path,
        secrets={"CDSE_S3_ACCESS_KEY": "AKIA", "CDSE_S3_SECRET_KEY": "s3cret"},
    )
    sign = StoreSigner(Transport(settings))
    link = sign("s3://eodata/Sentinel-2/MSI/a.jp2")
    assert link.startswith("https://eodata.dataspace.copernicus.eu/eodata/Sentinel-2/MSI/a.jp2?")
    assert "X-Amz-Signature=" in link
    assert "s3cret" not in link + repr(sign)
    assert sign("s3://other/a.jp2") == "s3://other/a.jp2"
    assert sign("https://example.org/a.jp2") == "https://example.org/a.jp2"
    again = pickle.loads(pickle.dumps(sign))  # noqa: S301 - our own
    assert "X-Amz-Signature=" in again("s3://eodata/b.jp2")
    bare = Settings(cache=tmp_path, netrc=tmp_path / "none")
    with pytest.raises(AccessError, match="s3keysmanager"):
        StoreSigner(Transport(bare))("s3://eodata/a.jp2")


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_knows_how_its_links_are_read(name, tmp_path):
    """A link that needs nothing is left as it is by each."""
    sign = signer(PROFILES[name], Transport(Settings(cache=tmp_path)))
    assert sign("https://example.org/a.tif") == "https://example.org/a.tif"
