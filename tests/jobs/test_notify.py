"""Telling of products: signed webhooks and mail, against servers that really listen."""

import datetime as dt
import hashlib
import hmac
import json
import ssl

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from reliefscope.errors import AccessError, InputError
from reliefscope.jobs import notify
from reliefscope.jobs.mail import compose, send
from reliefscope.jobs.notify import Notifier, Recipients, read_recipients
from reliefscope.products.catalog import publish
from reliefscope.products.newsfeed import write_feeds
from reliefscope.products.sheet import Policy
from reliefscope.products.store import catalog_at, store_of
from reliefscope.settings import Settings
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from reliefscope.words import words_in
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED, make_context, make_product
from tests.products.test_bucket import BUCKET, settings_of
from tests.servers import free_port, object_store

NOW = dt.datetime(2024, 9, 17, tzinfo=dt.UTC)
WORD = "correct-horse"
SECRET = "a long random text"
POLICY = Policy(producer="Office", disclaimer="d", catalog_url="https://maps.example/c")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A catalog with one package."""
    catalog = tmp_path_factory.mktemp("told") / "catalog"
    with pytest.MonkeyPatch.context() as patch:
        draw_bare(patch)
        made = publish(make_product(), catalog, context=make_context(), released=RELEASED)
    return catalog, made


@pytest.fixture
def told(published):
    """The catalog, with nobody told yet."""
    catalog, made = published
    for path in (catalog / notify.FOLDER).glob("EMSR*.json"):
        path.unlink()
    return catalog, made


@pytest.fixture
def quick(monkeypatch):
    """Be quick to try again."""
    real = Transport.__init__

    def init(self, settings=None, **more):
        real(self, settings, **{"retry": Retry(attempts=3, first_s=0.01)} | more)

    monkeypatch.setattr(Transport, "__init__", init)


def notifier(catalog, tmp_path, **recipients):
    return Notifier(
        settings=Settings(
            cache=tmp_path / "cache",
            netrc=tmp_path / "none",
            secrets={"RELIEFSCOPE_WEBHOOK_SECRET": SECRET},
        ),
        catalog=catalog,
        recipients=Recipients.model_validate(recipients),
        policy=POLICY,
    )


@pytest.mark.usefixtures("quick")
def test_a_webhook_is_signed_retried_and_sent_once(told, receiver, tmp_path):
    """Two failures, then thanks; the receiver can check who sent it; the key stays the same."""
    catalog, made = told
    receiver.got, receiver.failures = [], 2
    teller = notifier(catalog, tmp_path, webhooks=[{"url": receiver.url}])
    assert teller.catch_up(NOW) == {}
    assert teller.catch_up(NOW) == {}
    assert len(receiver.got) == 3
    headers, body = receiver.got[-1]
    moment, _, mac = headers["reliefscope-signature"].partition(",v1=")
    stamp = moment.removeprefix("t=")
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(mac, expected)
    assert int(stamp) == NOW.timestamp()
    document = json.loads(body)
    assert document["product"] == made.product_id
    assert document["item"].startswith("https://maps.example/c/flood/EMSR771/")
    assert {h["idempotency-key"] for h, _ in receiver.got} == {document["fingerprint"]}
    assert SECRET not in json.dumps(headers) + body.decode()


@pytest.mark.usefixtures("quick")
def test_what_failed_is_told_next_time(told, receiver, tmp_path):
    """A receiver that stays ill is a line in the log, and is told when it is well."""
    catalog, made = told
    receiver.got, receiver.failures = [], 3
    teller = notifier(catalog, tmp_path, webhooks=[{"url": receiver.url}])
    assert "503" in teller.catch_up(NOW)[made.product_id]
    assert teller.catch_up(NOW) == {}
    assert len(receiver.got) == 4


@pytest.mark.usefixtures("quick")
def test_one_that_refuses_does_not_keep_the_others_waiting(told, receiver, tmp_path):
    """Nobody listens at the first address; the second is told, once."""
    catalog, made = told
    receiver.got, receiver.failures = [], 0
    hooks = [{"url": f"http://127.0.0.1:{free_port()}/"}, {"url": receiver.url}]
    teller = notifier(catalog, tmp_path, webhooks=hooks)
    assert set(teller.catch_up(NOW)) == {made.product_id}
    teller.catch_up(NOW)
    assert len(receiver.got) == 1


def test_what_was_there_before_is_not_news(published, receiver, tmp_path):
    """A catalog that existed when telling began is taken as told; begun once, it stays so."""
    catalog, _ = published
    receiver.got, receiver.failures = [], 0
    folder = catalog / notify.FOLDER
    for path in [*folder.glob("*"), *folder.glob(".*")]:
        path.unlink()
    folder.exists() and folder.rmdir()
    teller = notifier(catalog, tmp_path, webhooks=[{"url": receiver.url}])
    teller.begin()
    assert teller.catch_up(NOW) == {}
    assert receiver.got == []
    for path in folder.glob("EMSR*.json"):
        path.unlink()
    teller.begin()
    assert list(folder.glob("EMSR*.json")) == []


class Inbox:
    """Keeps what arrives."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - as aiosmtpd calls it
        del server
        self.mails.append((envelope.rcpt_tos, envelope.content, session.ssl is not None))
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine, made for the test."""
    authority = trustme.CA()
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context, folder / "ca.pem"


@pytest.fixture
def smtp(certificate):
    """A mail server that wants STARTTLS and an account."""
    inbox = Inbox()

    def check(server, session, envelope, mechanism, data):
        del server, session, envelope, mechanism
        known = data.password == WORD.encode() and data.login == b"user"
        return AuthResult(success=known, handled=False)

    controller = Controller(
        inbox, hostname="localhost", port=free_port(), tls_context=certificate[0],
        require_starttls=True, authenticator=check, auth_required=True,
    )  # fmt: skip
    controller.start()
    yield inbox, controller.port, certificate[1]
    controller.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mail_arrives_encrypted_in_the_readers_language(told, smtp, tmp_path):
    """STARTTLS, an account, French words, the facts as a person reads them, the map inside."""
    import email.policy  # noqa: PLC0415 - for this test alone

    catalog, made = told
    inbox, port, ca = smtp
    server = {
        "host": "localhost", "port": port, "sender": "maps@example.org", "ca_file": str(ca),
        "to": [
            {"address": "desk@example.org", "language": "fr"},
            {"address": "fire@example.org", "hazards": ["fire"]},
        ],
    }  # fmt: skip
    teller = notifier(catalog, tmp_path, mail=server)
    account = {"RELIEFSCOPE_SMTP_USERNAME": "user", "RELIEFSCOPE_SMTP_PASSWORD": WORD}
    teller.settings.secrets.update(account)
    assert teller.catch_up(NOW) == {}
    assert teller.catch_up(NOW) == {}
    ((to, content, encrypted),) = inbox.mails
    assert to == ["desk@example.org"]
    assert encrypted
    mail = email.message_from_bytes(content, policy=email.policy.default)
    text = mail.get_body(("plain",)).get_content()
    assert made.facts.text("event_area_km2", words_in("fr")) in text
    assert "https://maps.example/c/flood/EMSR771/" in text
    page = mail.get_body(("html",)).get_content()
    pictures = [p for p in mail.walk() if p.get_content_type() == "image/png"]
    assert pictures[0].get_content() == (made.folder / "thumbnail.png").read_bytes()
    assert f"cid:{pictures[0]['Content-ID'].strip('<>')}" in page
    assert WORD not in content.decode()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_wrong_account_and_an_unknown_certificate_are_refused(told, smtp):
    """AccessError with what to look at; nothing is delivered, and no password is in the text."""
    from pydantic import SecretStr  # noqa: PLC0415 - for this test alone

    _, made = told
    inbox, port, ca = smtp
    mail = compose(
        made.folder, words_in("en"), sender="a@example.org", to="b@example.org", now=NOW,
        policy=POLICY,
    )  # fmt: skip
    wrong = {"u": SecretStr("user"), "p": SecretStr("hunter2")}
    with pytest.raises(AccessError, match="refuses the account") as caught:
        send(mail, "localhost", port, "starttls", wrong, ca_file=ca)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(AccessError, match="not trusted"):
        send(mail, "localhost", port, "starttls", wrong)
    assert inbox.mails == []


def test_arabic_mail_runs_from_right_to_left(told):
    """The page says so, and its numbers stand by themselves."""
    _, made = told
    mail = compose(
        made.folder, words_in("ar"), sender="a@example.org", to="b@example.org", now=NOW,
        policy=POLICY,
    )  # fmt: skip
    page = mail.get_body(("html",)).get_content()
    assert 'dir="rtl"' in page
    assert "<bdi>" in page


def test_a_title_cannot_forge_a_header(published, tmp_path):
    """Line breaks in a feed's title stay within the subject."""
    _, made = published
    copy = tmp_path / made.folder.name
    copy.mkdir()
    for name in ("facts.json", "provenance.json", "item.json"):
        (copy / name).write_bytes((made.folder / name).read_bytes())
    record = json.loads((copy / "provenance.json").read_text())
    record["event"]["title"] = "Flood\r\nBcc: everybody@example.org\r\n\r\n<script>"
    (copy / "provenance.json").write_text(json.dumps(record))
    mail = compose(
        copy, words_in("en"), sender="a@example.org", to="b@example.org", now=NOW, policy=POLICY
    )
    assert mail["Bcc"] is None
    assert "<script>" not in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[webhooks]]\nurl = 'http://hook.example/'", "must be https"),
        ("[mail]\nhost = 'm.example'\nsender = 'a@b.c'\nto = []", "at least 1"),
        (
            "[mail]\nhost='m.example'\nsecurity='none'\nsender='a@b.c'\nto=[{address='a@b.c'}]",
            "encrypted only",
        ),
        (
            "[mail]\nhost = 'm.example'\nsender = 'a@b.c'\nto = [{ address = 'a@b.c, d@e.f' }]",
            "one address",
        ),
        (
            "[mail]\nhost='m.example'\nsender='a@b.c'\nto=[{address='a@b.c', language='xx'}]",
            "no language",
        ),
    ],
)
def test_careless_recipients_are_refused(tmp_path, text, message):
    """Plain text over a network, nobody, two addresses in one, an unknown language."""
    path = tmp_path / "notify.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_recipients(path)


def test_without_a_secret_nothing_is_sent(told, receiver, tmp_path, monkeypatch):
    """A webhook that cannot be signed is not sent: said, and told when there is a secret."""
    monkeypatch.setattr("keyring.get_password", lambda *_: None)
    catalog, made = told
    receiver.got = []
    teller = notifier(catalog, tmp_path, webhooks=[{"url": receiver.url}])
    teller.settings.secrets.clear()
    assert "RELIEFSCOPE_WEBHOOK_SECRET" in teller.catch_up(NOW)[made.product_id]
    assert receiver.got == []


@pytest.mark.usefixtures("quick")
def test_readers_of_an_object_store_are_told_once(receiver, tmp_path, monkeypatch):
    """Who was told is kept there: a second machine tells nobody again, and both see one feed."""
    draw_bare(monkeypatch)
    receiver.got, receiver.failures = [], 0
    with object_store(BUCKET) as server:
        ours, theirs = (
            catalog_at(f"s3://{BUCKET}/a", settings_of(server, tmp_path / name))
            for name in ("ours", "theirs")
        )
        publish(make_product(), ours, released=RELEASED)
        hooks = [{"url": receiver.url}]
        first, second = (notifier(c, tmp_path, webhooks=hooks) for c in (ours, theirs))
        first.begin()
        made = publish(
            make_product(), ours, released=RELEASED, monitoring=1, context=make_context()
        )
        assert second.catch_up(NOW) == {}
        assert first.catch_up(NOW) == {}
        names = write_feeds(theirs, POLICY)
        assert store_of(ours).kept("feed") == {name.partition("/")[2] for name in names}
        assert names[0] == "feed/atom.xml"
        assert len(names) == 3
    assert [json.loads(body)["product"] for _, body in receiver.got] == [made.product_id]
