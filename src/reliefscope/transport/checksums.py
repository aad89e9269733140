"""Checksums as providers state them."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reliefscope.errors import IntegrityError

_BLOCK = 1 << 20

# multihash prefixes: code and length (https://github.com/multiformats/multicodec, table.csv)
_MULTIHASH = {
    "1220": "sha256",
    "1340": "sha512",
    "1114": "sha1",
    "d50110": "md5",
    "1620": "sha3_256",
    "1e20": "blake3",
}
_NAMED = {
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "sha-256": "sha256",
    "sha512": "sha512",
    "sha3-256": "sha3_256",
    "blake3": "blake3",
}
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "sha3_256": 64, "blake3": 64}


def parse_checksum(text: str) -> tuple[str, str] | None:
    """Return algorithm and hexadecimal digest of a multihash or of ``name:digest``.

    None for an algorithm this library does not know, BLAKE3 among them: it cannot vouch then.
    """
    plain = text.strip().lower()
    name, colon, digest = plain.partition(":")
    if colon:
        found = (_NAMED.get(name, ""), digest)
    else:
        prefix = next((p for p in _MULTIHASH if plain.startswith(p)), "")
        found = (_MULTIHASH.get(prefix, ""), plain.removeprefix(prefix))
    algorithm, digest = found
    if len(digest) != _LENGTHS.get(algorithm) or algorithm not in hashlib.algorithms_available:
        return None
    return algorithm, digest


def verify(path: Path, checksums: Sequence[str]) -> tuple[str, bool]:
    """Return the SHA-256 of a file, and whether any of ``checksums`` could vouch for it.

    Raises
    ------
    IntegrityError
        One of them says otherwise.
    """
    stated = [found for found in map(parse_checksum, checksums) if found]
    hashes: dict[str, Any] = {a: hashlib.new(a) for a in {"sha256", *(a for a, _ in stated)}}
    for block in _blocks(path):
        for running in hashes.values():
            running.update(block)
    for algorithm, digest in stated:
        ours = hashes[algorithm].hexdigest()
        if ours != digest:
            raise IntegrityError(
                f"{path.name} has the {algorithm} checksum {ours[:12]}..., the provider states "
                f"{digest[:12]}...; it is not kept"
            )
    return hashes["sha256"].hexdigest(), bool(stated)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
