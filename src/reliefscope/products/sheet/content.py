"""What goes on a sheet, and what comes out."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from reliefscope.errors import InputError
from reliefscope.model.context import Context
from reliefscope.model.product import Product
from reliefscope.products.sheet.policy import Policy, load_policy
from reliefscope.words import ENGLISH, Words

if TYPE_CHECKING:
    from reliefscope.products.facts import Facts
    from reliefscope.products.layers import Layers


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
    back: Path | None = None
    """Picture of the back, where there is one."""
    details: tuple["SheetFiles", ...] = ()
    """Sheets of parts at a larger scale."""


__all__ = ["Policy", "SheetContent", "SheetFiles", "load_policy"]
