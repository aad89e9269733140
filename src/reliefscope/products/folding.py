"""Many records that are built alike, written once: what they share, and a list for what differs.

Decades of days are thousands of granules that differ in name and date alone. Folded, a record of
each can still be had back, as it was and in its place.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MANY = 24
"""Records of a kind that are written one by one."""
_STEP = "/"
"""Between the names on the way to a value that lies deeper."""
Record = Mapping[str, Any]


def folded(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return ``records``, those of one build that follow each other folded into one.

    Parameters
    ----------
    records : sequence of mapping
        Ready for JSON; no name in them has a slash.

    Returns
    -------
    list of dict
        Records as they are, and in place of more than `MANY`: ``count``; ``same``, value by path;
        ``each``, a list of values by path; ``runs``, a list of value and how often it follows
        itself, by path.
    """
    flat = [dict(_leaves(record)) for record in records]
    out: list[dict[str, Any]] = []
    for _, run in itertools.groupby(zip(flat, records, strict=True), key=lambda p: tuple(p[0])):
        alike = list(run)
        if len(alike) <= MANY:
            out += [dict(record) for _, record in alike]
        else:
            out.append(_fold([leaves for leaves, _ in alike]))
    return out


def unfolded(entries: Sequence[Record]) -> list[dict[str, Any]]:
    """Return every record that `folded` was given."""
    return [record for entry in entries for record in _unfold(entry)]


def _leaves(record: Record, way: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{way}{name}{_STEP}")
        else:
            yield f"{way}{name}", value


def _fold(leaves: Sequence[Record]) -> dict[str, Any]:
    same: dict[str, Any] = {}
    each: dict[str, list[Any]] = {}
    runs: dict[str, list[list[Any]]] = {}
    for path in leaves[0]:
        column = [leaf[path] for leaf in leaves]
        spans = [[value, len(list(run))] for value, run in itertools.groupby(column)]
        if len(spans) == 1:
            same[path] = column[0]
        elif 2 * len(spans) <= len(column):
            runs[path] = spans
        else:
            each[path] = column
    return {"count": len(leaves), "same": same, "each": each, "runs": runs}


def _unfold(entry: Record) -> Iterator[dict[str, Any]]:
    if "each" not in entry:
        yield dict(entry)
        return
    count = int(entry["count"])
    columns = {path: itertools.repeat(value, count) for path, value in entry["same"].items()}
    columns |= {path: iter(column) for path, column in entry["each"].items()}
    columns |= {
        path: itertools.chain.from_iterable(itertools.repeat(*span) for span in spans)
        for path, spans in entry["runs"].items()
    }
    for values in zip(*columns.values(), strict=True):
        yield _nested(dict(zip(columns, values, strict=True)))


def _nested(leaves: Record) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path, value in leaves.items():
        *way, name = path.split(_STEP)
        here = out
        for step in way:
            here = here.setdefault(step, {})
        here[name] = value
    return out
