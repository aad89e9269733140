"""Whom to tell of what was published, once each: by webhook and by mail. TOML."""

import datetime as dt
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from reliefscope.errors import InputError, ReliefscopeError
from reliefscope.jobs.claims import claimed
from reliefscope.jobs.event_file import Strict, parse_toml
from reliefscope.jobs.mail import compose, send
from reliefscope.model.event import Hazard
from reliefscope.products.catalog import find
from reliefscope.products.index import Entry
from reliefscope.products.newsfeed import link_to
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog, Store, store_of
from reliefscope.products.summary import Summary, summarize
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.words import words_in

log = logging.getLogger(__name__)

FOLDER = ".told"
"""Under the catalog: who was told of what."""
_BEGUN = "begun.json"
_READ = ("provenance.json", "thumbnail.png")
"""What messages take from a package, beside its facts."""
WEBHOOK = Access(
    service="webhooks",
    names=("RELIEFSCOPE_WEBHOOK_SECRET",),
    how="agree on a long random text with whoever receives the webhook",
)
MAIL = Access(
    service="mail (SMTP)",
    names=("RELIEFSCOPE_SMTP_USERNAME", "RELIEFSCOPE_SMTP_PASSWORD"),
    how="ask whoever runs the mail server for an account",
    optional=True,
)
SIGNATURE, KEY = "Reliefscope-Signature", "Idempotency-Key"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Webhook(Strict):
    """An address that is sent a signed JSON document by POST."""

    url: str
    hazards: tuple[Hazard, ...] = ()
    """Of these only; all by default."""

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" and (parts.hostname or "") not in _LOOPBACK:
            raise ValueError("a webhook outside this machine must be https")
        return url


class Reader(Strict):
    """A person who gets mail, in a language."""

    address: str
    language: str = "en"
    hazards: tuple[Hazard, ...] = ()

    @field_validator("language")
    @classmethod
    def _known(cls, language: str) -> str:
        return words_in(language).language

    @field_validator("address")
    @classmethod
    def _one_address(cls, address: str) -> str:
        if address.count("@") != 1 or any(c.isspace() or c in ",;<>" for c in address):
            raise ValueError("give one address, such as desk@example.org")
        return address


class Mail(Strict):
    """How mail goes out."""

    host: str
    port: Annotated[int, Field(gt=0, lt=65_536)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``none`` on this machine only."""
    ca_file: Path | None = None
    """Certificates to trust, where the server's are not known publicly."""
    sender: str
    to: Annotated[tuple[Reader, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _guarded(self) -> "Mail":
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("mail leaves this machine encrypted only: use starttls or tls")
        return self


class Recipients(Strict):
    """All of a file of recipients."""

    webhooks: tuple[Webhook, ...] = ()
    mail: Mail | None = None


def read_recipients(path: Path) -> Recipients:
    """Return the recipients in a TOML file. InputError: it is missing, or a key is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"recipients {path} cannot be read: {error}") from error
    return parse_toml(Recipients, text, name=str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Tells each recipient of each product once; what failed is tried again next time."""

    settings: Settings
    catalog: Catalog
    recipients: Recipients
    policy: Policy

    def begin(self) -> None:
        """Take what is published already as told, the first time; later this does nothing."""
        store = store_of(self.catalog)
        if _BEGUN in store.kept(FOLDER):
            return
        for entry in find(self.catalog):
            for name, _ in self._channels(entry):
                self._note(store, entry, name)
        store.keep(f"{FOLDER}/{_BEGUN}", b"{}\n")

    def catch_up(self, now: dt.datetime) -> dict[str, str]:
        """Tell whoever has not been told of a product; return what failed, by product.

        A process that dies between telling and noting it tells again, and so may two machines that
        look at an object store at the same moment: receivers know the message by its key, which is
        the same.
        """
        failures: dict[str, str] = {}
        store = store_of(self.catalog)
        with claimed(store.root / FOLDER, "telling") as ours:
            if not ours:
                return failures
            told = store.kept(FOLDER)
            for entry in find(self.catalog):
                for name, tell in self._channels(entry):
                    if _note_of(entry, name) in told:
                        continue
                    try:
                        store.open(entry.folder, *_READ)
                        tell(now)
                    except ReliefscopeError as error:
                        log.warning("%s: not told: %s", entry.product_id, error)
                        failures[entry.product_id] = f"{type(error).__name__}: {error}"
                    else:
                        self._note(store, entry, name)
        return failures

    def _channels(self, entry: Entry) -> Iterator[tuple[str, Callable[[dt.datetime], None]]]:
        """Yield the name of each recipient, and how it is told."""
        for hook in self.recipients.webhooks:
            if not hook.hazards or entry.hazard in hook.hazards:
                yield hook.url, lambda now, hook=hook: self._post(entry, hook, now)  # type: ignore[misc] # bound now
        mail = self.recipients.mail
        for reader in mail.to if mail else ():
            if not reader.hazards or entry.hazard in reader.hazards:
                yield reader.address, lambda now, reader=reader: self._mail(entry, reader, now)  # type: ignore[misc] # bound now

    def _post(self, entry: Entry, hook: Webhook, now: dt.datetime) -> None:
        transport = Transport(self.settings).at(hook.url)
        secret = transport.credentials(WEBHOOK)[WEBHOOK.names[0]].get_secret_value()
        summary = summarize(entry.folder)
        body = json.dumps(self._document(summary), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            KEY: summary.fingerprint,
            SIGNATURE: sign(body, secret, now),
        }

        def once() -> None:
            with transport.open(Ask(url=hook.url, body=body, headers=headers)):
                pass

        transport.retry(once)

    def _document(self, summary: Summary) -> dict[str, object]:
        acquired = summary.acquired
        return {
            "type": "reliefscope.product.published",
            "product": summary.product,
            "fingerprint": summary.fingerprint,
            "event": summary.event,
            "hazard": str(summary.hazard),
            "headline": summary.headline,
            "exercise": summary.exercise,
            "draft": summary.draft,
            "released": summary.released.isoformat(),
            "acquired": None if acquired is None else acquired.isoformat(),
            "facts": dict(summary.lines),
            "item": link_to(summary, self.policy, "item.json"),
        }

    def _mail(self, entry: Entry, reader: Reader, now: dt.datetime) -> None:
        server = self.recipients.mail
        if server is None:
            raise AssertionError("called for readers of mail")
        message = compose(
            entry.folder,
            words_in(reader.language),
            sender=server.sender,
            to=reader.address,
            now=now,
            policy=self.policy,
        )
        account = Transport(self.settings).credentials(MAIL)
        send(message, server.host, server.port, server.security, account, ca_file=server.ca_file)

    def _note(self, store: Store, entry: Entry, name: str) -> None:
        """Keep it in the catalog that somebody was told."""
        note = json.dumps({"product": entry.product_id}) + "\n"
        store.keep(f"{FOLDER}/{_note_of(entry, name)}", note.encode())


def _note_of(entry: Entry, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{entry.product_id}.{digest}.json"


def sign(body: bytes, secret: str, now: dt.datetime) -> str:
    """Return the signature of a webhook: its time, and HMAC-SHA256 (RFC 2104) over time and body.

    The receiver computes ``HMAC(secret, time + "." + body)``, compares in constant time, and
    refuses times that are long past.
    """
    moment = str(int(now.timestamp()))
    mac = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"
