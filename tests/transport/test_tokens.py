import logging
import threading

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reliefscope.errors import AccessError, IntegrityError, UnavailableError
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.retry import Retry
from reliefscope.transport.tokens import BasicAuth, OidcToken
from tests.cdse_server import PASSWORD, USER, Identity
from tests.servers import app_server

ACCESS = Access(service="the service", names=("CDSE_USERNAME", "CDSE_PASSWORD"), how="register")
FAST = Retry(attempts=3, first_s=0.01, deadline_s=5)


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
def url(identity):
    async def guarded(request):
        return PlainTextResponse("in", 200 if identity.knows(request) else 401)

    with app_server(Starlette(routes=[*identity.routes, Route("/guarded", guarded)])) as address:
        yield address


@pytest.fixture
def transport(url, tmp_path):
    secrets = {"CDSE_USERNAME": USER, "CDSE_PASSWORD": PASSWORD}
    return Transport(Settings(cache=tmp_path, secrets=secrets), retry=FAST).at(url)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def token(transport, url, clock):
    return OidcToken(
        transport, url=f"{url}/token", client_id="cdse-public", access=ACCESS, clock=clock
    )


def test_one_token_serves_until_it_is_about_to_expire(token, identity, clock):
    """Within ten minutes one sign-in; a minute before the end it is refreshed, not signed in."""
    first = token.headers()
    clock.now += 539
    assert token.headers() == first
    clock.now += 2
    assert token.headers() != first
    assert identity.grants == ["password", "refresh_token"]


def test_when_the_session_has_ended_one_signs_in_again(token, identity, clock):
    """A refused refresh token, or one known to be expired, leads back to the password."""
    token.headers()
    identity.sessions.clear()
    clock.now += 600
    token.headers()
    clock.now += 3601
    token.headers()
    assert identity.grants == ["password", "refresh_token", "password", "password"]


def test_a_token_taken_back_is_renewed_within_the_request(token, transport, identity, url):
    """After 401 the next token is had and the request goes through, once."""
    ask = Ask(url=f"{url}/guarded", auth=token)
    assert transport.text(ask) == "in"
    identity.granted.clear()
    assert transport.text(ask) == "in"
    assert identity.grants == ["password", "refresh_token"]


def test_many_threads_share_one_token_and_one_renewal(token, identity):
    """Eight threads at once sign in once; when all are refused, the token is renewed once."""
    barrier = threading.Barrier(8)
    seen = []

    def work():
        barrier.wait()
        before = token.headers()["Authorization"]
        barrier.wait()
        token.renew()
        barrier.wait()
        seen.append((before, token.headers()["Authorization"]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert seen[0][0] != seen[0][1]
    assert identity.grants == ["password", "refresh_token"]


def test_who_was_refused_with_an_old_token_does_not_spoil_the_new_one(token, identity):
    """A renewal that comes late, from a thread that still had the old token, changes nothing."""
    token.headers()
    late = threading.Event()
    go = threading.Event()

    def latecomer():
        token.headers()
        late.set()
        go.wait(120)
        token.renew()

    thread = threading.Thread(target=latecomer)
    thread.start()
    late.wait(120)
    token.renew()
    fresh = token.headers()
    go.set()
    thread.join()
    assert token.headers() == fresh
    assert identity.grants == ["password", "refresh_token"]


def test_wrong_or_missing_credentials_say_what_to_do(url, identity, tmp_path, caplog):
    """The message names the variables and where to register, and holds no secret."""
    caplog.set_level(logging.DEBUG)
    settings = Settings(
        cache=tmp_path, secrets={"CDSE_USERNAME": USER, "CDSE_PASSWORD": "wr0ng-one"}
    )
    wrong = OidcToken(
        Transport(settings, retry=FAST).at(url),
        url=f"{url}/token",
        client_id="cdse-public",
        access=ACCESS,
    )
    with pytest.raises(AccessError, match=r"CDSE_USERNAME and CDSE_PASSWORD.*register") as refused:
        wrong.headers()
    assert identity.grants == ["password"]
    shown = f"{refused.value!r}{wrong!r}{caplog.text}"
    assert "wr0ng-one" not in shown
    assert USER not in shown
    none = Transport(Settings(cache=tmp_path, netrc=tmp_path / "none"), retry=FAST).at(url)
    missing = OidcToken(none, url=f"{url}/token", client_id="cdse-public", access=ACCESS)
    with pytest.raises(AccessError, match="register"):
        missing.headers()


@pytest.mark.parametrize(
    "answer",
    [
        "<html>maintenance",
        "[]",
        "{}",
        '{"access_token": "secret-token-12\\n", "expires_in": 600}',
        '{"access_token": "", "expires_in": 600}',
        '{"access_token": "secret-token-12", "expires_in": "soon"}',
        '{"access_token": "secret-token-12", "expires_in": -5}',
        "access_token=secret-token-12&expires_in=600",
        "[" * 90_000,
    ],
)
def test_what_is_no_token_is_an_integrity_error_that_does_not_quote_it(token, identity, answer):
    """A page, a wrong type, a line break for the header, a form: refused, and not repeated."""
    identity.faults = [Response(answer)]
    with pytest.raises(IntegrityError) as refused:
        token.headers()
    assert "secret-token-12" not in repr(refused.value)


def test_an_ill_identity_service_is_tried_again_and_then_unavailable(token, identity):
    """503 once is outlived; 503 always is an unavailable service, not wrong credentials."""
    identity.faults = [Response(status_code=503)]
    assert token.headers()["Authorization"].startswith("Bearer ")
    token.renew()
    identity.faults = [Response(status_code=503)] * 3
    with pytest.raises(UnavailableError, match="503"):
        token.headers()


def test_tokens_are_never_kept(token, tmp_path):
    """No file in the cache holds a token or a password."""
    bearer = token.headers()["Authorization"].removeprefix("Bearer ").encode()
    kept = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert all(bearer not in c and PASSWORD.encode() not in c for c in kept)
    assert bearer.decode() not in repr(token)


def test_offline_no_token_is_asked_for(url, tmp_path):
    """Without a network there is no token, and that is what is said."""
    settings = Settings(
        cache=tmp_path, offline=True, secrets={"CDSE_USERNAME": USER, "CDSE_PASSWORD": PASSWORD}
    )
    token = OidcToken(Transport(settings), url=f"{url}/token", client_id="c", access=ACCESS)
    with pytest.raises(UnavailableError, match="offline"):
        token.headers()


def test_basic_authentication_is_utf_8_and_does_not_expire():
    """RFC 7617: user and password joined by a colon, base64; the same after a renewal."""
    basic = BasicAuth(SecretStr("test"), SecretStr("123£"))
    assert basic.headers() == {"Authorization": "Basic dGVzdDoxMjPCow=="}
    basic.renew()
    assert basic.headers() == {"Authorization": "Basic dGVzdDoxMjPCow=="}
    assert "123" not in repr(basic)
