"""Names, roles and hashed passwords, one a line in a file: ``name:role:salt:hash``."""

import base64
import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reliefscope.errors import InputError

SHORTEST = 12
"""Characters of a password."""
_LONGEST = 256
_COST = {"n": 2**16, "r": 8, "p": 2, "maxmem": 128 * 1024 * 1024}
"""scrypt as the OWASP Password Storage Cheat Sheet asks (N=2^16, r=8, p=2)."""
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_FIELDS = 4
_one_at_a_time = threading.Lock()


class Role(StrEnum):
    """What a visitor may do."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    """Reads what viewers read, and may run and publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who may sign in."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    role: Role
    salt: bytes
    digest: bytes


def check(path: Path, name: str, password: str) -> User | None:
    """Return the user whose name and password these are, or None.

    It takes as long for a name that does not exist.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    kept = _read(path).get(name)
    salt = kept.salt if kept else b"nobody's salt..."
    with _one_at_a_time:  # each takes 64 MB
        digest = _hash(password[: _LONGEST + 1], salt)
    if kept is None or not hmac.compare_digest(digest, kept.digest):
        return None
    return User(name=name, role=kept.role)


def exists(path: Path, name: str) -> Role | None:
    """Return the role that a user has by now, or None when the user is gone."""
    kept = _read(path).get(name)
    return kept.role if kept else None


def add(path: Path, name: str, role: Role, password: str) -> None:
    """Add a user, or give one a new password and role.

    Raises
    ------
    InputError
        The name or the password will not do.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"user name {name!r} may hold letters, digits and . _ @ - only")
    if not SHORTEST <= len(password) <= _LONGEST:
        raise InputError(f"the password must have {SHORTEST} to {_LONGEST} characters")
    users = _read(path) if path.exists() else {}
    salt = secrets.token_bytes(16)
    fresh = _Kept(role=role, salt=salt, digest=_hash(password, salt))
    lines = [_line(n, u) for n, u in {**users, name: fresh}.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("".join(lines))
    part.replace(path)


def _line(name: str, user: _Kept) -> str:
    salt, digest = (base64.b64encode(part).decode() for part in (user.salt, user.digest))
    return f"{name}:{user.role}:{salt}:{digest}\n"


def _read(path: Path) -> Mapping[str, _Kept]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"no users file {path} ({error.strerror}); make one with `reliefscope users add NAME`"
        ) from error
    found = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split(":")
        try:
            name, role, salt, digest = parts
            found[name] = _Kept(
                role=Role(role), salt=base64.b64decode(salt), digest=base64.b64decode(digest)
            )
        except ValueError as error:
            raise InputError(f"line {number} of {path} is not name:role:salt:hash") from error
    return found


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST)
