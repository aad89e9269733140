"""Everything that goes into one package, made in the order in which each part needs the others."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reliefscope.model.context import Context
from reliefscope.model.granule import EXERCISE_TAG
from reliefscope.model.product import Product
from reliefscope.products import provenance, qa, stac
from reliefscope.products.assets import harmed_by
from reliefscope.products.brief import draw_brief
from reliefscope.products.exposure import Exposure, People, assess
from reliefscope.products.facts import Facts, plain, state_facts
from reliefscope.products.furniture import check_furniture, check_languages
from reliefscope.products.layers import Layers, compute_layers
from reliefscope.products.looks import View, views, write_looks
from reliefscope.products.rasters import write_rasters
from reliefscope.products.sheet import Policy, SheetContent, draw_sheets, draw_thumbnail
from reliefscope.products.statistics import statistics, to_csv
from reliefscope.products.swipe import draw_swipe
from reliefscope.products.vectors import build_vectors, write_parquet, write_vectors
from reliefscope.products.workbook import NAME as WORKBOOK
from reliefscope.products.workbook import write_workbook
from reliefscope.words import SOURCE, words_in


@dataclass(slots=True, kw_only=True)
class Maker:
    """Makes the files of one package."""

    product: Product
    context: Context
    head: Mapping[str, str]
    """``product_id``, ``fingerprint``, ``released``."""
    version: int
    policy: Policy
    languages: tuple[str, ...] = (SOURCE,)
    """In which the sheet and the brief are written."""
    paper: str | None = None
    """Of the sheets; that of the policy by default."""
    previous: Facts | None = None
    """Facts of the product before this one."""
    tell: Callable[[str], None] = lambda _: None
    _timings: dict[str, float] = field(default_factory=dict)

    def count(self) -> tuple[Layers, Exposure, Facts, People | None]:
        """Compute the product and count; nothing is written."""
        with self._step("Computing layers"):
            layers = compute_layers(self.product)
        with self._step("Counting areas and people"):
            population = self.context.population
            people = None if population is None else People.over(layers.grid, population)
            harmed = harmed_by(self.product.event.hazard, self.context)
            exposure = assess(layers, harmed, people)
            head = {
                **self.head,
                "event": self.product.event.id,
                "exercise": "yes" if self.product.exercise else "no",
            }
            facts = state_facts(self.product, layers, exposure, self.context, head)
        return layers, exposure, facts, people

    def fill(
        self,
        folder: Path,
        counted: tuple[Layers, Exposure, Facts, People | None],
    ) -> None:
        """Write all files of the package into ``folder``, the Item last."""
        layers, exposure, facts, people = counted
        gates = self._data(folder, layers, exposure, facts, people)
        with self._step("Showing images"):
            shown = views(self.product)
            looks = write_looks(shown, layers.grid, folder, self._tags())
            gates += qa.check_looks(looks, layers.grid)
        draft = qa.failed(gates)
        with self._step("Drawing sheet and brief"):
            gates += self._told(folder, layers, exposure, facts, draft, shown)
            if not draft and qa.failed(gates):
                self._told(folder, layers, exposure, facts, qa.failed(gates), shown)
        _write(folder / "provenance.json", self._provenance(gates))
        sums = "".join(f"{stac.checksum(p)}  {p.name}\n" for p in sorted(folder.iterdir()))
        (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
        item = stac.build_item(self.product, facts, folder, self.head, self.version)
        _write(folder / "item.json", stac.item_document(item))

    def _data(
        self,
        folder: Path,
        layers: Layers,
        exposure: Exposure,
        facts: Facts,
        people: People | None,
    ) -> list[qa.Gate]:
        """Write rasters, vectors and tables, and check them."""
        with self._step("Writing rasters"):
            heads = None if people is None else people.per_pixel(layers.state.shape)
            rasters = write_rasters(layers, folder, self._tags(), heads)
            del heads
        with self._step("Writing vectors"):
            tables = build_vectors(self.product, layers, exposure, self.context, people)
            write_vectors(tables, folder / "vectors.gpkg", self._tags())
            write_parquet(tables, folder, self._tags())
            names = list(tables)
            del tables
        (folder / "facts.json").write_text(facts.to_json(), encoding="utf-8")
        (folder / "statistics.csv").write_text(to_csv(statistics(facts)), encoding="utf-8")
        write_workbook(facts, folder / WORKBOOK)
        with self._step("Checking"):
            item = stac.build_item(self.product, facts, folder, self.head, self.version)
            return [
                *qa.check_layers(layers, facts),
                qa.check_told(facts, self.languages),
                qa.check_inputs(self.product),
                *qa.check_rasters(rasters),
                *qa.check_vectors(folder / "vectors.gpkg", names, layers),
                qa.check_parquet(folder),
                qa.check_item(stac.item_document(item)),
            ]

    def _told(
        self,
        folder: Path,
        layers: Layers,
        exposure: Exposure,
        facts: Facts,
        draft: tuple[str, ...],
        shown: Sequence[View],
    ) -> list[qa.Gate]:
        """Draw sheet, brief and swipe in each language, and check the sheets."""
        event = self.product.event
        content = SheetContent(
            product=self.product,
            layers=layers,
            facts=facts,
            by_admin=exposure.by_admin,
            context=self.context,
            product_id=self.head["product_id"],
            version=self.version,
            released=stac.moment(self.head["released"]),
            item_href="/".join(
                [
                    *filter(None, [self.policy.catalog_url.rstrip("/")]),
                    event.hazard,
                    event.id,
                    self.head["product_id"],
                    "item.json",
                ]
            ),
            draft=draft,
            policy=self.policy,
        )
        draw_thumbnail(content, folder / "thumbnail.png")
        spoken = [words_in(language) for language in self.languages]
        sheets = draw_sheets(content, folder, spoken, paper=self.paper)
        gates = [qa.check_sheet(sheet.pdf) for sheet in sheets]
        gates += [check_furniture(s, content, w) for s, w in zip(sheets, spoken, strict=True)]
        gates.append(check_languages(facts, spoken))
        for words in spoken:
            draw_brief(replace(content, words=words), folder, self.previous)
        draw_swipe(content, folder, spoken, shown)
        return gates

    def _tags(self) -> dict[str, str]:
        product = self.product
        return {
            "product_id": self.head["product_id"],
            "event": product.event.id,
            "indicator": product.indicator,
            "fingerprint": self.head["fingerprint"],
            EXERCISE_TAG: "YES" if product.exercise else "NO",
            "software": f"reliefscope {product.version}".strip(),
        }

    def _provenance(self, gates: list[qa.Gate]) -> Mapping[str, object]:
        return provenance.record(self.product, self.context, self.head, gates, self._timings)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.tell(name)
        start = time.perf_counter()
        yield
        self._timings[name] = time.perf_counter() - start


def _write(path: Path, document: Mapping[str, object]) -> None:
    text = json.dumps(plain(document), ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")
