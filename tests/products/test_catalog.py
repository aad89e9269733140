"""Publishing, from a product to a package that stands on its own."""

import dataclasses
import datetime as dt
import json
import shutil
import subprocess
import threading

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import zxingcpp
from PIL import Image
from pypdf import PdfReader

from reliefscope.errors import InputError, InsufficientDataError, PublishError
from reliefscope.products.catalog import find, open_package, publish
from reliefscope.products.sheet import Policy
from tests.products.scene import RELEASED, make_context, make_dataset, make_granule, make_product

FILES = {
    "state.tif",
    "likelihood.tif",
    "exclusion.tif",
    "people.tif",
    "vectors.gpkg",
    "areaOfInterestA.parquet",
    "imageFootprintA.parquet",
    "observedEventA.parquet",
    "notObservedA.parquet",
    "exclusionA.parquet",
    "administrativeA.parquet",
    "populatedPlacesP.parquet",
    "transportationL.parquet",
    "facts.json",
    "statistics.csv",
    "statistics.xlsx",
    "sheet.en.pdf",
    "sheet.en.png",
    "brief.en.html",
    "brief.en.pdf",
    "thumbnail.png",
    "provenance.json",
    "SHA256SUMS",
    "item.json",
}
V1, V2 = (f"EMSR771_AOI01_DEL_PRODUCT_r1_v{n}" for n in (1, 2))


def snapshot(folder):
    """Return names, contents and times of everything but locks."""
    return {
        p.relative_to(folder): (p.stat().st_mtime_ns, p.read_bytes())
        for p in folder.rglob("*")
        if p.is_file() and ".locks" not in p.parts
    }


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


class TestRealSheet:
    """With the sheet as it is printed."""

    def test_a_package_is_complete(self, tmp_path):
        """Every file of the contract, all checks passed, checksums that verify, a real sheet.

        It opens wherever it is, and holds no secret of its inputs.
        """
        said = []
        package = publish(
            make_product(notes=("read https://x.example/y?key=SECRETTOKEN",)),
            tmp_path,
            context=make_context(),
            released=RELEASED,
            progress=said.append,
        )
        assert package.created
        assert package.product_id == V1
        assert package.folder == tmp_path / "flood" / "EMSR771" / V1
        assert {p.name for p in package.folder.iterdir()} == FILES
        gates = {g["name"]: g["passed"] for g in read(package.folder / "provenance.json")["qa"]}
        assert all(passed is True for passed in gates.values()), gates
        assert "Drawing sheet and brief" in said
        sums = shutil.which("sha256sum")
        if sums:
            subprocess.run([sums, "-c", "--strict", "SHA256SUMS"], cwd=package.folder, check=True)  # noqa: S603
        listed = (package.folder / "SHA256SUMS").read_text().splitlines()
        assert {line.split("  ")[1] for line in listed} == FILES - {"SHA256SUMS", "item.json"}
        self._opens_anywhere(package, tmp_path)
        self._tells_no_secret(tmp_path)

    def _opens_anywhere(self, package, tmp_path):
        """Copied out of the catalog, a package still gives its numbers."""
        shutil.copytree(package.folder, tmp_path / "stick")
        assert open_package(tmp_path / "stick").facts == package.facts
        with pytest.raises(InputError, match="no package"):
            open_package(tmp_path)

    def _tells_no_secret(self, tmp_path):
        """Tokens and passwords of inputs are in no byte of any file."""
        for path in filter(lambda p: p.is_file(), tmp_path.rglob("*")):
            content = path.read_bytes()
            assert b"SECRETTOKEN" not in content
            assert b"hunter2" not in content

    def test_a_failed_gate_makes_a_draft_and_an_exercise_says_so(self, tmp_path):
        """Nothing is withheld: the product is published, and every part says what it is."""
        state = np.full((48, 64), 255, np.uint8)
        state[:20] = 0
        granule = make_granule(exercise=True)
        product = make_product(data=make_dataset(state=state), granules={"after": (granule,)})
        folder = publish(product, tmp_path, released=RELEASED).folder
        text = PdfReader(folder / "sheet.en.pdf").pages[0].extract_text()
        assert "DRAFT" in text
        assert "EXERCISE" in text
        gates = {g["name"]: g["passed"] for g in read(folder / "provenance.json")["qa"]}
        assert gates["observed share"] is False
        assert gates["sheet complete"] is True
        with rasterio.open(folder / "state.tif") as file:
            assert file.tags()["RELIEFSCOPE_EXERCISE"] == "YES"
        assert read(folder / "item.json")["properties"]["reliefscope:exercise"] is True
        assert read(folder / "facts.json")["exercise"] == "yes"
        assert ",yes\n" in (folder / "statistics.csv").read_text()
        area = gpd.read_file(folder / "vectors.gpkg", layer="areaOfInterestA")
        assert area["exercise"].to_list() == [True]

    def test_the_office_speaks_on_the_sheet_and_the_code_leads_to_its_catalog(self, tmp_path):
        """Producer and disclaimer are printed; the QR code holds the public address of the item."""
        policy = Policy(
            producer="Office of Maps",
            disclaimer="No opinion.",
            catalog_url="https://maps.example/c/",
        )
        folder = publish(make_product(), tmp_path, released=RELEASED, policy=policy).folder
        text = PdfReader(folder / "sheet.en.pdf").pages[0].extract_text()
        assert "Office of Maps" in text
        with Image.open(folder / "sheet.en.png") as image:
            (code,) = zxingcpp.read_barcodes(image)
        assert code.text == f"https://maps.example/c/flood/EMSR771/{V1}/item.json"

    def test_simulated_people_do_not_stand_on_a_real_map(self, tmp_path):
        """A population grid that is an exercise is refused beside real images."""
        people = make_context(exercise=True)
        with pytest.raises(InputError, match="population is simulated"):
            publish(make_product(), tmp_path, context=people, released=RELEASED)
        assert find(tmp_path) == []


def test_sheet_and_brief_in_each_language_asked_for(tmp_path):
    """Each has its files and its assets; another set of languages is another version."""
    made = publish(make_product(), tmp_path, released=RELEASED, languages=("ar", "fr", "ar"))
    names = {p.name for p in made.folder.iterdir()}
    told = {f"{kind}.{lang}" for kind in ("sheet", "brief") for lang in ("ar", "fr")}
    assert {n.rsplit(".", 1)[0] for n in names if n.startswith(("sheet.", "brief."))} == told
    assets = read(made.item)["assets"]
    assert {"sheet_ar_pdf", "brief_fr_html"} <= set(assets)
    text = "".join(p.extract_text() for p in PdfReader(made.folder / "sheet.fr.pdf").pages)
    assert "Zone inondée" in text
    again = publish(make_product(), tmp_path, released=RELEASED, languages=("ar", "fr"))
    assert not again.created
    more = publish(make_product(), tmp_path, released=RELEASED, languages=("es",))
    assert more.product_id.endswith("_v2")
    told = (more.folder / "brief.es.html").read_text(encoding="utf-8")
    assert made.product_id in told, "the brief tells of the product before"


@pytest.mark.usefixtures("plain_sheet")
def test_unknown_language_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="no language 'tlh'"):
        publish(make_product(), tmp_path, released=RELEASED, languages=("tlh",))
    assert not list(tmp_path.rglob("*.tif"))


@pytest.mark.usefixtures("plain_sheet")
def test_too_little_data_leaves_nothing(tmp_path):
    """The error passes unchanged; the catalog lists nothing and holds no folder of it."""

    def block(_):
        raise InsufficientDataError("all no-data", observed_fraction=0.0)

    data = make_dataset()
    empty = data["state"].data.map_blocks(block, dtype="uint8", meta=np.empty((0, 0), "uint8"))
    data["state"] = data["state"].copy(data=empty)
    with pytest.raises(InsufficientDataError) as caught:
        publish(make_product(data=data), tmp_path, released=RELEASED)
    assert caught.value.observed_fraction == 0.0
    assert find(tmp_path) == []
    assert not (tmp_path / "flood").exists()


@pytest.mark.usefixtures("plain_sheet")
def test_observed_nothing_of_the_event_is_in_the_table_too(tmp_path):
    """A product without any event pixel is a product like another."""
    data = make_dataset()
    data["state"] = data["state"].where(data["state"] != 1, 0).astype("uint8")
    package = publish(make_product(data=data), tmp_path, released=RELEASED)
    assert [e.product_id for e in find(tmp_path)] == [package.product_id]
    assert package.facts["event_area_km2"].value == 0


@pytest.mark.usefixtures("light_package")
class TestLedger:
    """The catalog as the memory of what was published, whatever is in it."""

    def test_the_same_again_touches_nothing(self, tmp_path):
        """No file changes, not even its time, and the answer says that it was there."""
        first = publish(make_product(), tmp_path, context=make_context(), released=RELEASED)
        before = snapshot(tmp_path)
        later = RELEASED + dt.timedelta(days=1)
        again = publish(make_product(), tmp_path, context=make_context(), released=later)
        assert not again.created
        assert again.folder == first.folder
        assert again.facts == first.facts
        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize("what", ["parameters", "version", "granules", "context"])
    def test_a_change_makes_a_new_version(self, tmp_path, what):
        """Parameters, code, inputs or reference data: v2, linked to v1 and back."""
        product, context = make_product(), make_context()
        publish(product, tmp_path, context=context, released=RELEASED)
        changes = {
            "parameters": {"parameters": {"mmu": 3.0}},
            "version": {"version": "0.2.0"},
            "granules": {"granules": {"after": (make_granule(id="other"),)}},
        }
        if what == "context":
            context = make_context(population_source="newer")
        else:
            product = dataclasses.replace(product, **changes[what])
        second = publish(product, tmp_path, context=context, released=RELEASED)
        assert second.created
        assert second.product_id == V2
        links = {link["rel"]: link["href"] for link in read(second.item)["links"]}
        assert links["predecessor-version"] == f"../{V1}/item.json"
        old = read(second.folder.parent / V1 / "item.json")
        links = {link["rel"]: link["href"] for link in old["links"]}
        assert links["successor-version"] == f"../{V2}/item.json"
        assert old["properties"]["deprecated"] is True
        assert [e.superseded for e in find(tmp_path)] == [True, False]

    def test_going_back_to_what_was_published_is_no_new_version(self, tmp_path):
        """The fingerprint of any version counts, not only of the last."""
        other = make_product(parameters={"mmu": 3.0})
        for product in (make_product(), other):
            publish(product, tmp_path, released=RELEASED)
        back = publish(make_product(), tmp_path, released=RELEASED)
        assert (back.created, back.product_id) == (False, V1)

    def test_names_follow_stage_area_and_pass(self, tmp_path):
        """Different products of one event stand side by side, each with its own versions."""
        ids = [
            publish(make_product(), tmp_path, released=RELEASED, **over).product_id
            for over in ({"stage": "FEP"}, {"aoi": 7}, {"monitoring": 2})
        ]
        assert ids == [
            "EMSR771_AOI01_FEP_PRODUCT_r1_v1",
            "EMSR771_AOI07_DEL_PRODUCT_r1_v1",
            "EMSR771_AOI01_DEL_MONIT02_r1_v1",
        ]
        assert not any(e.superseded for e in find(tmp_path))

    def test_find_lists_and_filters(self, tmp_path):
        """What the listing says of a package without opening its layers."""
        assert find(tmp_path / "nowhere") == []
        publish(make_product(), tmp_path, released=RELEASED)
        (entry,) = find(tmp_path)
        assert (entry.product_id, entry.event, entry.hazard) == (V1, "EMSR771", "flood")
        assert entry.datetime.isoformat() == "2024-09-15T05:12:00+00:00"
        assert entry.facts.is_file()
        assert find(tmp_path, hazard="fire") == []
        assert find(tmp_path, event="OTHER") == []

    def test_two_runs_at_once_make_one_package(self, tmp_path):
        """The second waits for the first, and finds that nothing is left to do."""
        made = []

        def run():
            made.append(publish(make_product(), tmp_path, released=RELEASED).created)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == [False, True]
        assert len(find(tmp_path)) == 1

    @pytest.mark.parametrize(
        ("over", "match"),
        [
            ({"stage": "XXX"}, "REF, FEP, DEL, GRA"),
            ({"aoi": 0}, "1 to 99"),
            ({"monitoring": 100}, "1 to 99"),
            ({"released": dt.datetime(2024, 1, 1)}, "no time zone"),  # noqa: DTZ001
        ],
    )
    def test_impossible_names_are_refused(self, tmp_path, over, match):
        """Before anything is computed or written."""
        with pytest.raises(InputError, match=match):
            publish(make_product(), tmp_path / "c", **{"released": RELEASED} | over)
        assert not (tmp_path / "c").exists()

    def test_the_catalog_of_someone_else_is_left_alone(self, tmp_path):
        """A folder that holds another catalog is not written to."""
        (tmp_path / "catalog.json").write_text('{"type": "Catalog", "id": "theirs"}')
        with pytest.raises(PublishError, match="someone else"):
            publish(make_product(), tmp_path, released=RELEASED)
        assert [p.name for p in tmp_path.iterdir()] == ["catalog.json"]

    def test_a_spoilt_item_is_named(self, tmp_path):
        """Someone edited an item by hand: the message says which file."""
        package = publish(make_product(), tmp_path, released=RELEASED)
        package.item.write_text("{")
        with pytest.raises(PublishError, match="not a STAC Item"):
            find(tmp_path)
