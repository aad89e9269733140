"""Our own pages: HTML that needs no script, no font and no other host."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from reliefscope.errors import InputError
from reliefscope.serve.wording import TEXTS
from reliefscope.words import SOURCE, Words, languages, words_in

NAMES = {"en": "English", "fr": "Français", "es": "Español", "ar": "العربية"}
"""Languages by the names that their speakers give them."""
_LONGEST_HEADER = 200


@cache
def style() -> str:
    """Return the style sheet of all our pages."""
    return (files("reliefscope.serve.pages") / "style.css").read_text(encoding="utf-8")


@cache
def style_hash() -> str:
    """Return the style sheet's hash, as a content security policy states it."""
    return hash_of(style())


def hash_of(text: str) -> str:
    """Return the hash of a style sheet or script, as a content security policy states it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(*, form: bool = False) -> str:
    """Return the content security policy of a page of ours: no script at all."""
    action = "'self'" if form else "'none'"
    return (
        f"default-src 'none'; style-src {style_hash()}; img-src 'self'; form-action {action}; "
        f"base-uri 'none'; frame-ancestors 'none'"
    )


def words_for(request: Request) -> Words:
    """Return the words of the language that a visitor asks for, or reads best."""
    asked = request.query_params.get("lang", "")
    known = languages()
    if asked in known:
        return words_in(asked)
    wanted = []
    header = request.headers.get("accept-language", "")[:_LONGEST_HEADER]
    for place, part in enumerate(header.split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, name[:2].lower()))
        except ValueError:
            continue
    return words_in(next((n for q, _, n in sorted(wanted) if n in known and q < 0), SOURCE))


def render(name: str, words: Words, **values: object) -> str:
    """Return a page; every value is text and is shown as such.

    Raises
    ------
    InputError
        There is no such page.
    """
    try:
        template = _environment().get_template(name)
    except jinja2.TemplateNotFound as error:
        raise InputError(f"there is no page {name!r}") from error
    told = {key: words(text) for key, text in TEXTS.items()}
    return template.render(
        lang=words.language, dir="rtl" if words.rtl else "ltr", style=Markup(style()),  # noqa: S704 - our own file

        t=told, languages={k: NAMES.get(k, k) for k in languages()}, **values,
    )  # fmt: skip


def page(
    request: Request, name: str, words: Words, *, status: int = 200, form: bool = False,
    **values: object,
) -> HTMLResponse:  # fmt: skip
    """Answer with a page of ours."""
    root = str(request.scope.get("root_path", ""))
    others = {code: str(request.url.include_query_params(lang=code).query) for code in languages()}
    user = request.scope.get("reliefscope.user")
    text = render(
        name, words, root=root, others=others, user=getattr(user, "name", ""),
        here=f"{root}{str(request.scope['path']).removeprefix(root)}", **values,
    )  # fmt: skip
    return HTMLResponse(text, status, {
        "content-security-policy": policy(form=form),
        "content-language": words.language,
        "cache-control": "private, no-cache",
        "vary": "Accept-Language, Save-Data, ECT",
    })  # fmt: skip


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reliefscope.serve.pages", ""), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
