import datetime as dt
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.settings import Settings
from reliefscope.sources._signing import TokenSigner
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
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
