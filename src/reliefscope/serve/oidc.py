"""Signing in at an OpenID Connect provider: authorization code with PKCE, tokens verified here.

After OpenID Connect Core 1.0 (sections 3.1.2 and 3.1.3.7), RFC 7636 and RFC 9700.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.serve.config import Provider
from reliefscope.serve.users import Role, User

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures by a key of the provider's; never "none", never one by a shared secret."""
_TIMEOUT_S = 10
_MOST_BYTES = 1_000_000
_LEEWAY_S = 30
_PENDING_S = 600.0
_MOST_PENDING = 2000
_KEYS_S = 60.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NAMES = ("preferred_username", "email", "sub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A sign-in that waits for the provider's answer."""

    nonce: str
    verifier: str
    browser: str
    """Value of a cookie: the answer must come to the browser that asked."""
    target: str
    """Where the visitor wanted to go."""
    until: float


class Client:
    """Speaks with one provider."""

    def __init__(
        self, provider: Provider, back: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider, self._back, self._clock = provider, back, clock
        self._pending: dict[str, Started] = {}
        self._lock = threading.Lock()
        self._found: Mapping[str, Any] = {}
        self._keys: KeySet | None = None
        self._keys_read = -_KEYS_S

    def start(self, target: str) -> tuple[str, str]:
        """Return the address to send the visitor to, and the value of the browser's cookie.

        Raises
        ------
        UnavailableError
            The provider does not answer.
        """
        state, browser = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        started = Started(
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            browser=browser,
            target=target,
            until=self._clock() + _PENDING_S,
        )
        challenge = hashlib.sha256(started.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._back,
            "scope": "openid profile email",
            "state": state,
            "nonce": started.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint")
        with self._lock:
            now = self._clock()
            self._pending = {k: s for k, s in self._pending.items() if s.until > now}
            while len(self._pending) >= _MOST_PENDING:
                del self._pending[next(iter(self._pending))]
            self._pending[state] = started
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", browser

    def finish(self, query: Mapping[str, str], browser: str) -> tuple[User, str]:
        """Return who signed in, and where to go on.

        Raises
        ------
        AccessError
            The answer is not the one waited for, or its token does not hold.
        UnavailableError
            The provider does not answer.
        """
        with self._lock:
            started = self._pending.pop(query.get("state", ""), None)
        if started is None or started.until < self._clock():
            raise AccessError("this sign-in was not begun here, or took too long; begin again")
        if not hmac.compare_digest(started.browser.encode(), browser.encode()):
            raise AccessError("this sign-in was begun in another browser; begin again")
        issuer = query.get("iss")
        if issuer is not None and issuer != self._provider.issuer:
            raise AccessError("the answer comes from another provider; begin again")
        if "code" not in query:
            raise AccessError("the provider did not let you in; ask whoever runs it")
        token = self._redeem(query["code"], started.verifier)
        return self._user(self.verified(token, started.nonce)), started.target

    def verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an id_token whose signature, issuer, audience and times hold.

        Raises
        ------
        AccessError
            They do not.
        """
        try:
            claims = self._decoded(token)
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": self._provider.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(dict(claims))
        except (JoseError, ValueError, TypeError) as error:
            raise AccessError(
                f"the provider's token does not hold ({type(error).__name__})"
            ) from error
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        party = claims.get("azp")
        if (len(audiences) > 1 and party is None) or party not in {None, self._provider.client_id}:
            raise AccessError("the provider's token was made for another application")
        return claims

    def _decoded(self, token: str) -> Mapping[str, Any]:
        """Return claims whose signature holds; the keys are asked for anew when they are old."""
        try:
            return jwt.decode(token, self._key_set(), algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError):
            if self._clock() - self._keys_read < _KEYS_S:
                raise
            self._keys = None
            return jwt.decode(token, self._key_set(), algorithms=list(ALGORITHMS)).claims

    def _user(self, claims: Mapping[str, Any]) -> User:
        """Return the user of verified claims, with the role that they give."""
        held = claims.get(self._provider.role_claim, [])
        held = [held] if isinstance(held, str) else held
        roles = {str(r) for r in held} if isinstance(held, list) else set()
        analyst = self._provider.analyst in roles
        if self._provider.viewer and self._provider.viewer not in roles and not analyst:
            raise AccessError("you are known, but not let in here; ask whoever runs this server")
        name = next(str(claims[n]) for n in _NAMES if claims.get(n))
        plain = "".join(c for c in name if c.isascii() and c.isprintable())[:64]
        return User(name=plain, role=Role.ANALYST if analyst else Role.VIEWER)

    def _redeem(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._provider.client_id,
            "code_verifier": verifier,
        }
        secret = self._provider.client_secret
        sign = requests.auth.HTTPBasicAuth(self._provider.client_id, secret) if secret else None
        answer = _asked("POST", self._endpoint("token_endpoint"), data=form, auth=sign)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise AccessError("the provider gave no id_token; register this server for OpenID")
        return token

    def _endpoint(self, name: str) -> str:
        if not self._found:
            issuer = self._provider.issuer
            found = _asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise UnavailableError(
                    f"the provider calls itself {found.get('issuer')!r}; give it as --oidc-issuer"
                )
            self._found = found
        address = str(self._found.get(name, ""))
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in _LOCAL:
            raise UnavailableError(f"the provider states no https address as its {name}")
        return address

    def _key_set(self) -> KeySet:
        if self._keys is None:
            self._keys = KeySet.import_key_set(_asked("GET", self._endpoint("jwks_uri")))  # type: ignore[arg-type] # checked there
            self._keys_read = self._clock()
        return self._keys


def _asked(method: str, address: str, **kwargs: Any) -> Mapping[str, Any]:  # noqa: ANN401 - for requests
    """Return the JSON object that an address answers with; no redirect is followed."""
    try:
        with requests.request(
            method, address, timeout=_TIMEOUT_S, allow_redirects=False, stream=True, **kwargs
        ) as answer:
            body = answer.raw.read(_MOST_BYTES, decode_content=True)
            if answer.status_code != requests.codes.ok:
                raise UnavailableError(f"the provider answered {answer.status_code}; begin again")
            document = json.loads(body)
    except (requests.RequestException, OSError, ValueError) as error:
        raise UnavailableError("the provider does not answer; try again in a minute") from error
    if not isinstance(document, dict):
        raise UnavailableError("the provider's answer makes no sense; try again in a minute")
    return document
