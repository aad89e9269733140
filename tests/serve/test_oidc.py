"""Signing in at a real OpenID provider on loopback, and tokens that do not hold."""

import base64
import hmac
import json
import re
import time
import warnings
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.serve.config import Provider, Serving
from reliefscope.serve.oidc import Client
from reliefscope.serve.users import Role
from tests.serve.conftest import PLAIN, visiting
from tests.servers import app_server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of its own dependency
    import oidc_provider_mock

BACK = "http://127.0.0.1:5006/login/back"


@pytest.fixture(scope="module")
def provider():
    """A provider that we did not write, with a viewer and an analyst."""
    claims = [
        oidc_provider_mock.User(sub="vera", claims={"email": "vera@example.org"}),
        oidc_provider_mock.User(sub="anna", claims={"email": "anna@example.org"}),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with oidc_provider_mock.run_server_in_thread(
            require_nonce=True, user_claims=claims
        ) as server:
            yield f"http://localhost:{server.server_port}"


def agree(address, sub):
    """Sign in at the provider as a person would; return where it sends the browser."""
    done = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=120)
    assert done.status_code in {302, 303}, done.text[:300]
    return done.headers["location"]


@pytest.fixture
def client(catalog, provider, tmp_path):
    """A visitor of a server whose users sign in at the provider."""
    chosen = Provider(
        issuer=provider, client_id="reliefscope", client_secret="s", role_claim="sub",
        analyst="anna",
    )  # fmt: skip
    with visiting(Serving(catalog=catalog, cache=tmp_path, provider=chosen)) as visitor:
        yield visitor


def test_a_person_signs_in_at_the_provider(client, provider):
    """From a page to the provider and back to the page, with the role that the provider gives."""
    assert client.get("/lite").status_code == 401
    page = client.get("/login?next=/lite%3Flang%3Des")
    start = re.search(r'href="(/login/start[^"]*)"', page.text).group(1)
    sent = client.get(start.replace("&amp;", "&"))
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    assert sent.headers["location"].startswith(provider)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [BACK]
    assert query["nonce"][0] not in sent.headers["set-cookie"]
    back = agree(sent.headers["location"], "vera")
    done = client.get(back)
    assert (done.status_code, done.headers["location"]) == (303, "/lite?lang=es")
    assert client.get(f"/tiles/{PLAIN}/state/0/0/0.webp").status_code == 200
    assert client.get("/explorer").status_code == 403
    sent = client.get("/login/start")
    client.get(agree(sent.headers["location"], "anna"))
    assert client.get("/explorer").status_code in {200, 404}


def test_an_answer_is_good_once_and_in_one_browser(client):
    """Neither again, nor in another browser, nor with another state."""
    sent = client.get("/login/start")
    back = agree(sent.headers["location"], "vera")
    cookies = dict(client.cookies)
    client.cookies.clear()
    stolen = client.get(back)
    assert stolen.status_code == 401
    assert "another browser" in stolen.text
    for name, value in cookies.items():
        client.cookies.set(name, value)
    assert "not begun here" in client.get(back).text
    assert client.get("/login/back?code=x&state=y").status_code == 401
    assert client.get("/login/back").status_code == 401
    assert client.get("/lite").status_code == 401


def test_a_refusal_by_the_provider_is_told(client):
    """No code in the answer: nobody is signed in, and the page says so."""
    sent = client.get("/login/start")
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    answer = client.get(f"/login/back?error=access_denied&state={state}")
    assert answer.status_code == 401
    assert "did not let you in" in answer.text


def test_a_provider_that_is_away_is_told(catalog, tmp_path):
    """One sentence, no stack of errors."""
    away = Provider(issuer="http://127.0.0.1:9", client_id="x")
    with visiting(Serving(catalog=catalog, cache=tmp_path, provider=away)) as visitor:
        answer = visitor.get("/login/start")
    assert answer.status_code == 502
    assert "does not answer" in answer.text


@pytest.fixture(scope="module")
def keys():
    """The provider's key, and another by the same name."""
    return RSAKey.generate_key(2048, {"kid": "a"}), RSAKey.generate_key(2048, {"kid": "a"})


@pytest.fixture(scope="module")
def issuer(keys):
    """A provider made by hand."""

    def found(request):
        base = str(request.base_url).rstrip("/")
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
            }
        )

    def published(_):
        return JSONResponse({"keys": [keys[0].as_dict(private=False)]})

    app = Starlette(routes=[
        Route("/.well-known/openid-configuration", found), Route("/keys", published),
    ])  # fmt: skip
    with app_server(app) as url:
        yield url


class TestTokens:
    """Tokens that are wrong in one way each."""

    def claims(self, issuer, **over):
        now = int(time.time())
        good = {"iss": issuer, "aud": "relief", "sub": "u", "nonce": "n", "iat": now,
                "exp": now + 60}  # fmt: skip
        return {k: v for k, v in (good | over).items() if v is not None}

    def client(self, issuer):
        return Client(Provider(issuer=issuer, client_id="relief", viewer="in"), BACK)

    def token(self, claims, key, algorithm="RS256"):
        header = {"alg": algorithm, "kid": "a"}
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    def test_a_good_token_holds(self, issuer, keys):
        """The counter-proof: without it the tests below could pass for another reason."""
        token = self.token(self.claims(issuer), keys[0])
        assert self.client(issuer).verified(token, "n")["sub"] == "u"
        two = self.token(self.claims(issuer, aud=["relief", "b"], azp="relief"), keys[0])
        assert self.client(issuer).verified(two, "n")

    @pytest.mark.parametrize(
        "over",
        [
            {"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": None},
            {"aud": ["relief", "b"]}, {"aud": ["relief", "b"], "azp": "b"}, {"azp": "b"},
            {"exp": 1}, {"exp": None}, {"iat": int(time.time()) + 3600}, {"iat": None},
            {"nonce": "m"}, {"nonce": None}, {"sub": None}, {"nbf": int(time.time()) + 3600},
        ],
    )  # fmt: skip
    def test_wrong_claims_are_refused(self, issuer, keys, over):
        """Another issuer, audience, party or nonce; expired, from the future, or incomplete."""
        token = self.token(self.claims(issuer, **over), keys[0])
        with pytest.raises(AccessError):
            self.client(issuer).verified(token, "n")

    def test_wrong_signatures_are_refused(self, issuer, keys):
        """By another key, by none, by the public key as a secret, changed, or no token at all."""
        claims = self.claims(issuer)
        good = self.token(claims, keys[0])
        head, body, signature = good.split(".")
        shared = f"{self._part({'alg': 'HS256', 'kid': 'a'})}.{body}"
        mac = hmac.digest(keys[0].as_pem(private=False), shared.encode(), "sha256")
        mac_text = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
        forged = [
            self.token(claims, keys[1]),
            self.token(claims, ECKey.generate_key("P-256", {"kid": "a"}), "ES256"),
            f"{self._part({'alg': 'none'})}.{body}.",
            f"{self._part({'alg': 'none', 'kid': 'a'})}.{body}.{signature}",
            f"{head}.{body}.",
            f"{head}.{self._part(self.claims(issuer, sub='admin'))}.{signature}",
            f"{shared}.{mac_text}",
            "", "a.b.c", "x" * 100_000,
        ]  # fmt: skip
        for token in forged:
            with pytest.raises(AccessError):
                self.client(issuer).verified(token, "n")

    def test_roles_come_from_the_claim(self, issuer):
        """An analyst, a viewer, and one whom the provider knows but who is not let in."""
        client = self.client(issuer)
        assert client._user({"sub": "a", "roles": ["analyst"]}).role is Role.ANALYST
        assert client._user({"sub": "a", "roles": "in"}).role is Role.VIEWER
        for roles in ([], "other", None, {"analyst": 1}, 7):
            with pytest.raises(AccessError, match="not let in"):
                client._user({"sub": "a", "roles": roles})

    def test_a_provider_by_another_name_is_not_believed(self, issuer):
        """The issuer that it states must be the one that was given."""
        other = issuer.replace("127.0.0.1", "localhost") + "/"
        with pytest.raises(UnavailableError):
            self.client(other).start("/")

    @staticmethod
    def _part(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
