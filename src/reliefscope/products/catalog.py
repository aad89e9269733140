"""Publish a product into a static catalog; find and open what was published.

The catalog is the ledger: a product whose inputs, parameters, code and reference data were
published before is not made again.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reliefscope.errors import InputError, PublishError
from reliefscope.model.context import Context
from reliefscope.model.product import Product
from reliefscope.products import provenance
from reliefscope.products.facts import Facts
from reliefscope.products.index import Entry, Known, entry_of, prunable_of, split
from reliefscope.products.package import Maker
from reliefscope.products.sheet import Policy, load_policy
from reliefscope.products.sheet.layout import known_paper
from reliefscope.products.store import Catalog, Store, store_of
from reliefscope.words import SOURCE, words_in

STAGES = ("REF", "FEP", "DEL", "GRA")
"""Reference, first estimate, delineation, grading (Copernicus EMS Rapid Mapping)."""
_TWO_DIGITS = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A published product: a folder that stands on its own."""

    folder: Path
    item: Path
    facts: Facts
    created: bool
    """False where the same product had been published before."""

    @property
    def product_id(self) -> str:
        """Name of the product, such as ``EMSR871_AOI01_DEL_PRODUCT_r1_v1``."""
        return self.folder.name


def publish(  # noqa: PLR0913 - each has a default but three
    product: Product,
    catalog: Catalog,
    *,
    context: Context | None = None,
    stage: str = "DEL",
    aoi: int = 1,
    monitoring: int | None = None,
    released: dt.datetime,
    policy: Policy | None = None,
    languages: Sequence[str] = (SOURCE,),
    paper: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Package:
    """Compute ``product``, count, check, draw, and publish it as one package.

    Publishing is atomic: killed at any instant, the package is whole or absent.

    Parameters
    ----------
    product : Product
        From `reliefscope.pipeline.run.run`.
    catalog : Path or S3Catalog
        Folder of the catalog, made if absent, or from `reliefscope.products.store.catalog_at`.
    context : Context, optional
        Population, admin units, places, roads, facilities.
    stage : str
        One of `STAGES`.
    aoi : int
        Number of the area within the event, 1 to 99.
    monitoring : int, optional
        Number of the later pass over the same event; None for the first product.
    released : datetime
        Moment of release; the caller reads the clock.
    policy : Policy, optional
        What the office states on each sheet; that of the package by default.
    languages : sequence of str
        Languages of sheet, brief and swipe, such as ``("en", "fr")``.
    paper : str, optional
        Of the sheets: A3, or A4 with text on the back; that of the policy by default.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    InputError
        Stage, area number, monitoring number, language, paper or release time are not possible, or
        simulated
        people would stand on a real map.
    InsufficientDataError
        Too little was observed to state the indicator.
    UnavailableError
        An input stopped answering.
    PublishError
        The catalog could not take the product; nothing of it is left.
    """
    context, policy = context or Context(), policy or load_policy()
    spoken = tuple(dict.fromkeys(words_in(language).language for language in languages))
    paper = known_paper(paper or policy.paper)
    base = _base_id(product, stage, aoi, monitoring)
    if context.exercise and not product.exercise:
        raise InputError(
            "the population is simulated and the images are real; give a real population grid, "
            "or none"
        )
    if released.tzinfo is None:
        raise InputError(f"release {released.isoformat()} has no time zone; give UTC")
    tell = progress or (lambda _: None)
    hazard = str(product.event.hazard)
    store = store_of(catalog)
    store.refuse_foreign()
    with store.locked(f"{hazard}-{product.event.id}"):
        store.sweep(hazard, product.event.id)
        mark = _fingerprint(product, context, base, policy, (*spoken, paper))
        known = store.items(hazard, product.event.id)
        for path, document in known:
            if document["properties"].get("reliefscope:fingerprint") == mark:
                tell(f"{document['id']} was published before: nothing to do")
                store.index(hazard, product.event.id)
                store.open(path.parent)
                return open_package(path.parent)
        version = 1 + max((v for b, v in map(split, known) if b == base), default=0)
        head = {
            "product_id": f"{base}_v{version}",
            "fingerprint": mark,
            "released": released.astimezone(dt.UTC).isoformat(timespec="seconds"),
        }
        maker = Maker(
            product=product,
            context=context,
            head=head,
            version=version,
            policy=policy,
            languages=spoken,
            paper=paper,
            previous=_previous(store, known, product.indicator),
            tell=tell,
        )
        counted = maker.count()
        target = store.root / hazard / product.event.id / head["product_id"]
        return _store(store, catalog, target, maker, counted)


def _previous(store: Store, known: list[Known], indicator: str) -> Facts | None:
    """Return the facts of the latest product of the event by the same indicator."""
    same = [i for i in known if i[1]["properties"].get("reliefscope:indicator") == indicator]
    if not same:
        return None
    newest = max(same, key=lambda i: (i[1]["properties"]["datetime"], split(i)[1]))
    store.open(newest[0].parent)
    return open_package(newest[0].parent).facts


def find(catalog: Catalog, *, event: str | None = None, hazard: str | None = None) -> list[Entry]:
    """Return the packages of a catalog, oldest image first.

    Parameters
    ----------
    catalog : Path or S3Catalog
        Folder of the catalog, or one in an object store; one that does not exist holds nothing.
    event, hazard : str, optional
        Only these.
    """
    found = [entry_of(*item) for item in store_of(catalog).items(hazard or "*", event or "*")]
    return sorted(found, key=lambda e: (e.datetime, e.product_id))


def open_package(folder: Path) -> Package:
    """Return the package in ``folder``.

    Raises
    ------
    InputError
        There is no whole package.
    """
    item, facts = folder / "item.json", folder / "facts.json"
    if not item.is_file() or not facts.is_file():
        raise InputError(f"{folder} is no package: it has no item.json with its facts.json")
    stated = Facts.from_json(facts.read_text(encoding="utf-8"))
    return Package(folder=folder, item=item, facts=stated, created=False)


def open_entry(catalog: Catalog, entry: Entry) -> Package:
    """Return the package of an entry; of an object store, Item and facts are read.

    Raises
    ------
    InputError
        There is no whole package.
    """
    store_of(catalog).open(entry.folder)
    return open_package(entry.folder)


def fetch(catalog: Catalog, entry: Entry) -> Path:
    """Return the folder of a package with all its files, brought here if need be."""
    return store_of(catalog).fetch(entry.folder)


def prunable(catalog: Catalog, *, before: dt.datetime | None = None) -> list[Entry]:
    """Return the products that a later version replaces, or whose image is from ``before``."""
    return prunable_of(find(catalog), before)


def find_package(catalog: Catalog, product: str) -> Package:
    """Return a package by its folder, or by its product id in a catalog.

    Raises
    ------
    InputError
        There is none.
    """
    if (Path(product) / "item.json").is_file():
        return open_package(Path(product))
    for entry in find(catalog):
        if entry.product_id == product:
            fetch(catalog, entry)
            return open_package(entry.folder)
    raise InputError(
        f"no package {product!r}: give the folder of a package, or the id of a product in the "
        f"catalog {catalog}, as `reliefscope catalog list` shows them"
    )


def _store(
    store: Store,
    catalog: Catalog,
    target: Path,
    maker: Maker,
    counted: Any,  # noqa: ANN401
) -> Package:
    try:
        with store.staged(target) as folder:
            maker.fill(folder, counted)
    except OSError as error:
        raise PublishError(
            f"{target.name} could not be written to {catalog} ({error}); nothing of it is left: "
            f"free disk space or choose another catalog, then run again"
        ) from error
    store.index(target.parents[1].name, target.parent.name)
    return Package(folder=target, item=target / "item.json", facts=counted[2], created=True)


def _base_id(product: Product, stage: str, aoi: int, monitoring: int | None) -> str:
    if stage not in STAGES:
        raise InputError(f"stage {stage!r} is not one of {', '.join(STAGES)}")
    if not 1 <= aoi <= _TWO_DIGITS:
        raise InputError(f"area number {aoi} is not within 1 to {_TWO_DIGITS}")
    if monitoring is not None and not 1 <= monitoring <= _TWO_DIGITS:
        raise InputError(f"monitoring number {monitoring} is not within 1 to {_TWO_DIGITS}")
    kind = "PRODUCT" if monitoring is None else f"MONIT{monitoring:02d}"
    return f"{product.event.id}_AOI{aoi:02d}_{stage}_{kind}_r1"


def _fingerprint(
    product: Product, context: Context, base: str, policy: Policy, printed: tuple[str, ...]
) -> str:
    known = provenance.context_digest(context, product.grid)
    parts = [product.fingerprint, base, known, policy.digest, *printed]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
