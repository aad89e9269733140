"""Answers of services, kept so that an event can be replayed with no socket open."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reliefscope.errors import NothingFoundError


def answer_key(method: str, url: str, body: object, headers: Mapping[str, str]) -> str:
    """Return the name under which the answer to a request is kept."""
    asked = json.dumps([method, url, body, sorted(headers.items())], sort_keys=True, default=str)
    return hashlib.sha256(asked.encode()).hexdigest()


_HERE, _NOT_THERE = b"+", b"-"
"""First byte of a kept answer: what follows is the answer, or there was nothing (404)."""


def keep_answer(folder: Path, key: str, content: bytes | None) -> None:
    """Keep an answer, or with None that there was nothing: whole or not at all."""
    path = _path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(_NOT_THERE if content is None else _HERE + content)
    os.replace(file.name, path)  # noqa: PTH105 - atomic over an older answer


def kept_answer(folder: Path, key: str) -> bytes | None:
    """Return an answer kept earlier, or None.

    Raises
    ------
    NothingFoundError
        The service had answered that there is nothing.
    """
    try:
        kept = _path(folder, key).read_bytes()
    except FileNotFoundError:
        return None
    if kept[:1] != _HERE:
        raise NothingFoundError("offline; when last asked, there was nothing at this address")
    return kept[1:]


def _path(folder: Path, key: str) -> Path:
    return folder / "answers" / key[:2] / key
