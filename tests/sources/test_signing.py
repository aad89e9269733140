import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.sources._signing import TokenSigner
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


def test_one_token_serves_a_container(service):
    """Two files of one container cost one request; other hosts are left alone."""
    url, asked = service
    sign = TokenSigner(url)
    assert sign(f"{BLOB}/s1/a.tif") == f"{BLOB}/s1/a.tif?sig=s3cret"
    assert sign(f"{BLOB}/s1/b.tif").endswith("b.tif?sig=s3cret")
    assert asked == ["s1"]
    assert sign("https://example.org/c.tif") == "https://example.org/c.tif"


def test_refusal_and_failure_are_told_apart_without_the_secret(service):
    """403 is access, 500 is unavailable; no message and no repr of an error holds a token."""
    sign = TokenSigner(service[0])
    with pytest.raises(AccessError) as refused:
        sign(f"{BLOB}/closed/a.tif")
    with pytest.raises(UnavailableError) as failed:
        sign(f"{BLOB}/broken/a.tif")
    assert "s3cret" not in f"{refused.value!r}{failed.value!r}"
