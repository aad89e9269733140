"""Typst as offices meet it: their templates, fonts and logos, and their mistakes told plainly."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import typst

from reliefscope.errors import InputError
from reliefscope.products.sheet.policy import COLOURS, Policy


def compiler(page: Path, policy: Policy) -> typst.Compiler:
    """Return a compiler of ``page``, which reads nothing outside of its own folder."""
    return typst.Compiler(
        input=page,
        root=page.parent,
        font_paths=policy.font_folders,
        ignore_system_fonts=True,
    )


@contextlib.contextmanager
def setting(policy: Policy) -> Iterator[None]:
    """Tell an office that its own template cannot be set, and why.

    Raises
    ------
    InputError
        The template of the policy is at fault.
    """
    try:
        yield
    except typst.TypstError as error:
        if policy.template is None:
            raise
        raise InputError(
            f"{policy.template}: {error}; TEMPLATE.md, beside the template shipped, says what a "
            f"template receives"
        ) from error


def logo_name(policy: Policy) -> str:
    """Return the name of the logo among the files that a template reads; empty without one."""
    return f"logo{policy.logo.suffix.lower()}" if policy.logo is not None else ""


def style_of(policy: Policy) -> dict[str, object]:
    """Return how an office's pages look, as templates receive it."""
    return {
        "colours": {name: policy.colour(name) for name in COLOURS},
        "fonts": list(policy.families),
        "logo": logo_name(policy),
    }
