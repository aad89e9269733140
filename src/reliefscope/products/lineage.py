"""Where a number comes from: the chain from a fact to layer, granules and checksums."""

import json
from typing import Any

from reliefscope.errors import InputError
from reliefscope.products.catalog import Package
from reliefscope.products.facts import WHOLE_ROLE, Fact
from reliefscope.products.provenance import granules_in
from reliefscope.products.telling import as_text
from reliefscope.products.verify import SUMS, listed


def explain(package: Package, key: str) -> dict[str, Any]:
    """Return the chain behind one number of a package, ready for JSON.

    Parameters
    ----------
    package : Package
        From `reliefscope.products.catalog.open_package`.
    key : str
        Of the fact.

    Returns
    -------
    dict
        ``fact`` (value, range, unit, method), ``layer`` (file and SHA-256), ``granules`` (id,
        time, files with sizes and checksums), ``other_inputs``, ``parameters``, ``code``,
        ``product``.

    Raises
    ------
    InputError
        The package has no such fact.
    """
    if key not in package.facts:
        raise InputError(
            f"{package.product_id} has no fact {key!r}; it has {', '.join(package.facts)}"
        )
    fact = package.facts[key]
    record = json.loads((package.folder / "provenance.json").read_text(encoding="utf-8"))
    sums = listed(package.folder)
    by_role = {
        role: [{"role": role, **g} for g in group] for role, group in granules_in(record).items()
    }
    known = {g["id"]: [g] for group in by_role.values() for g in group}
    known |= {f"{WHOLE_ROLE}{role}": group for role, group in by_role.items()}
    file = fact.layer.partition(",")[0]
    return {
        "product": {
            "id": package.product_id,
            "fingerprint": record["fingerprint"],
            "released": record["released"],
            "exercise": record["exercise"],
            "checksums": SUMS,
        },
        "fact": _told(fact),
        "layer": {"name": fact.layer, "file": file, "sha256": sums.get(file)} if file else None,
        "granules": [g for i in fact.inputs for g in known.get(i, ())],
        "other_inputs": [i for i in fact.inputs if i not in known],
        "context": record["context"],
        "indicator": {
            "name": record["indicator"],
            "method": record["method"],
            "reference": record["reference"],
            "parameters": record["parameters"],
        },
        "grid": record["grid"],
        "code": record["code"],
        "notes": record["notes"],
    }


def _told(fact: Fact) -> dict[str, Any]:
    return {
        "key": fact.key,
        "reads": as_text(fact),
        "value": fact.value,
        "low": fact.low,
        "high": fact.high,
        "unit": fact.unit,
        "method": fact.method,
    }
