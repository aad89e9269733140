"""What a human should look at in a product before relying on it."""

import json
from pathlib import Path

from reliefscope.products.catalog import Package

LOW_COVERAGE = 0.8
"""Less of the area seen than this is said [0-1]."""
_TOLD = ("set aside", "failed (", "gave way")
"""What notes say of second choices."""


def attention(package: Package) -> tuple[str, ...]:
    """Return what is out of the ordinary in a package, in a few words each; often nothing."""
    record = json.loads((package.folder / "provenance.json").read_text(encoding="utf-8"))
    found = [f"quality gate failed: {g['name']}" for g in record["qa"] if g["passed"] is False]
    found += [f"advisory: {flag.replace('_', ' ')}" for flag in _flags(package)]
    seen = _number(package, "observed_fraction")
    if seen is not None and seen < LOW_COVERAGE:
        found.append(f"low coverage: {seen:.0%} of the area was seen")
    found += [str(note) for note in record["notes"] if any(told in note for told in _TOLD)]
    return tuple(found)


def timings(folder: Path) -> dict[str, float]:
    """Return the seconds of each step, as the package recorded them [s]."""
    record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    return {str(name): float(value) for name, value in record["timings_s"].items()}


def _flags(package: Package) -> tuple[str, ...]:
    value = package.facts["advisory"].value if "advisory" in package.facts else ()
    return value if isinstance(value, tuple) else ()


def _number(package: Package, key: str) -> float | None:
    value = package.facts[key].value if key in package.facts else None
    return value if isinstance(value, int | float) else None
