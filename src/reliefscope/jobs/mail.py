"""One mail on one product: the headline facts, the map, a link, in the reader's language."""

import datetime as dt
import html
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from pydantic import SecretStr

from reliefscope.errors import AccessError, InputError, UnavailableError
from reliefscope.products.newsfeed import link_to
from reliefscope.products.sheet import Policy
from reliefscope.products.summary import Summary, pages, summarize
from reliefscope.transport.retry import Retry, TransientError
from reliefscope.words import Words

PATIENCE_S = 30
_PICTURE = "map@reliefscope"
_PATIENT = Retry(attempts=3, deadline_s=60)
_TEMPORARY = range(400, 500)


def compose(
    folder: Path, words: Words, *, sender: str, to: str, now: dt.datetime, policy: Policy
) -> EmailMessage:
    """Return the mail on the package in ``folder``.

    Parameters
    ----------
    folder : Path
        The package.
    words : Words
        The reader's language.
    sender, to : str
        Addresses.
    now : datetime
        When it is sent, UTC.
    policy : Policy
        Who speaks, and where the catalog can be reached.
    """
    summary = summarize(folder, words)
    link = link_to(summary, policy, _page(folder, words)) if policy.catalog_url else ""
    message = EmailMessage()
    message["Subject"] = summary.headline
    message["From"], message["To"] = sender, to
    message["Date"] = format_datetime(now.astimezone(dt.UTC))
    message["Message-ID"] = f"<{summary.fingerprint}.{words.language}@reliefscope>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_plain(summary, link, policy, words))
    message.add_alternative(_html(summary, link, policy, words), subtype="html")
    picture = folder / "thumbnail.png"
    if picture.is_file():
        part = message.get_payload()[1]  # type: ignore[index] # the alternative in HTML
        part.add_related(picture.read_bytes(), "image", "png", cid=f"<{_PICTURE}>")  # type: ignore[union-attr] # a message
    return message


def send(
    message: EmailMessage,
    host: str,
    port: int,
    security: str,
    account: Mapping[str, SecretStr],
    *,
    ca_file: Path | None = None,
) -> None:
    """Send a mail; what may pass is tried three times.

    Raises
    ------
    UnavailableError
        The server did not take it for now.
    AccessError
        The server refuses the account, or offers no encryption.
    InputError
        The server refuses the mail for good.
    """
    where = f"mail server {host}:{port}"

    def once() -> None:
        try:
            _deliver(message, host, port, security, account, ca_file)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
            raise AccessError(
                f"{where} refuses the account or encryption ({type(error).__name__}); check "
                f"RELIEFSCOPE_SMTP_USERNAME, RELIEFSCOPE_SMTP_PASSWORD and security"
            ) from error
        except ssl.SSLError as error:
            raise AccessError(
                f"{where}: its certificate is not trusted ({error.reason}); name the file of its "
                f"authority as ca_file"
            ) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _judged(where, max(codes, default=0)) from error
        except smtplib.SMTPResponseException as error:
            raise _judged(where, error.smtp_code) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TransientError(f"{where} could not be reached: {type(error).__name__}") from error

    _PATIENT(once)


def _judged(where: str, code: int) -> InputError | UnavailableError:
    if code in _TEMPORARY:
        return TransientError(f"{where} answered {code}: not now; it is tried again")
    return InputError(f"{where} answered {code}: it does not take this mail; check the addresses")


def _deliver(
    message: EmailMessage,
    host: str,
    port: int,
    security: str,
    account: Mapping[str, SecretStr],
    ca_file: Path | None,
) -> None:
    trusted = ssl.create_default_context(cafile=ca_file)
    server = (
        smtplib.SMTP_SSL(host, port, timeout=PATIENCE_S, context=trusted)
        if security == "tls"
        else smtplib.SMTP(host, port, timeout=PATIENCE_S)
    )
    with server:
        if security == "starttls":
            server.starttls(context=trusted)
        if account:
            user, password = (value.get_secret_value() for value in account.values())
            server.login(user, password)
        server.send_message(message)


def _page(folder: Path, words: Words) -> str:
    own = f"brief.{words.language}.html"
    others = pages(folder)
    return own if own in others or not others else others[0]


def _plain(summary: Summary, link: str, policy: Policy, words: Words) -> str:
    lines = [summary.headline, "", *(f"{label}: {text}" for label, text in summary.lines), ""]
    return "\n".join([*lines, *filter(None, [link]), policy.producer, _never(words), ""])


def _html(summary: Summary, link: str, policy: Policy, words: Words) -> str:
    side = "rtl" if words.rtl else "ltr"
    rows = "".join(
        f"<tr><td>{html.escape(label)}</td><td><b><bdi>{html.escape(text)}</bdi></b></td></tr>"
        for label, text in summary.lines
    )
    more = f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>' if link else ""
    return (
        f'<html lang="{words.language}" dir="{side}"><body style="font-family:sans-serif">'
        f'<h2 style="color:#14304d">{html.escape(summary.headline)}</h2>'
        f'<p><img src="cid:{_PICTURE}" alt="{html.escape(summary.kind)}" style="max-width:100%">'
        f'</p><table cellpadding="4">{rows}</table>{more}'
        f"<p>{html.escape(policy.producer)}<br><small>{html.escape(_never(words))}</small></p>"
        f"</body></html>"
    )


def _never(words: Words) -> str:
    return words('"Not observed" and "cannot tell" never mean that nothing happened there.')
