"""HTML from Python: text is always escaped, so that nothing from outside can become markup."""

from collections.abc import Iterable, Iterator

from markupsafe import Markup, escape

Content = str | Markup | Iterable["Content"] | None
_VOID = frozenset({"input", "br", "img", "col"})


def element(name: str, /, *content: Content, **attributes: object) -> Markup:
    """Return an element; ``class_`` and ``data_act`` become ``class`` and ``data-act``.

    An attribute that is True stands without a value; one that is None or False is left out.
    """
    given = "".join(
        f" {key}" if value is True else f' {key}="{escape(value)}"'
        for key, value in (
            (key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()
        )
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")  # noqa: S704 - our own names, values escaped
    return Markup(f"<{name}{given}>{joined(*content)}</{name}>")  # noqa: S704 - likewise


def joined(*content: Content) -> Markup:
    """Return pieces one after the other, text escaped."""
    return Markup("".join(_pieces(content)))  # noqa: S704 - each piece is escaped


def _pieces(content: Iterable[Content]) -> Iterator[str]:
    for piece in content:
        if isinstance(piece, str):
            yield escape(piece)
        elif piece is not None:
            yield from _pieces(piece)
