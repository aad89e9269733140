"""What goes on a sheet, and what comes out."""

import datetime as dt
import tomllib
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from reliefscope.errors import InputError
from reliefscope.model.context import Context
from reliefscope.model.product import Product
from reliefscope.words import ENGLISH, Words

if TYPE_CHECKING:
    from reliefscope.products.facts import Facts
    from reliefscope.products.layers import Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the producing office states on each sheet."""

    producer: str
    disclaimer: str
    contact: str = ""
    terms: str = ""
    catalog_url: str = ""
    """Public address of the catalog, for the QR code; without one it holds the path within."""


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file; the one shipped here by default.

    Raises
    ------
    InputError
        The file is not TOML, lacks ``producer`` or ``disclaimer``, or has keys or values that
        mean nothing.
    """
    source = path or files("reliefscope.products.sheet") / "policy.toml"
    try:
        table = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{source}: {error}; see the policy.toml shipped for an example") from None
    known = {f.name for f in fields(Policy)}
    wrong = [k for k, v in table.items() if k not in known or not isinstance(v, str)]
    missing = [k for k in ("producer", "disclaimer") if not table.get(k)]
    if wrong or missing:
        raise InputError(
            f"{source}: unknown or not text: {wrong}, missing: {missing}; "
            f"the keys are {sorted(known)}, all text"
        )
    return Policy(**table)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetContent:
    """Everything a sheet shows. Numbers are printed from ``facts`` only."""

    product: Product
    layers: "Layers"
    facts: "Facts"
    by_admin: pd.DataFrame | None = None
    context: Context = field(default_factory=Context)
    product_id: str
    version: int
    released: dt.datetime
    """Moment of release, UTC."""
    item_href: str
    """Link of the STAC item, in the QR code."""
    draft: tuple[str, ...] = ()
    """Names of the failed quality gates."""
    policy: Policy = field(default_factory=load_policy)
    words: Words = ENGLISH
    """The reader's language."""

    def __post_init__(self) -> None:
        """Refuse a release without time zone and layers off their grid."""
        if self.released.tzinfo is None:
            raise InputError(f"release {self.released.isoformat()} has no time zone; give UTC")
        shape, grid = self.layers.state.shape, self.layers.grid.shape
        if tuple(shape) != tuple(grid):
            raise InputError(f"state is {shape[0]} x {shape[1]} on a grid of {grid[0]} x {grid[1]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFiles:
    """The two faces of one sheet."""

    pdf: Path
    png: Path
