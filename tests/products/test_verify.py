"""A package that was changed after its publication is found out, whatever was changed."""

import datetime as dt
import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from openpyxl import load_workbook

from reliefscope.cli import main
from reliefscope.errors import InputError
from reliefscope.products.catalog import find_package, open_package, publish
from reliefscope.products.lineage import explain
from reliefscope.products.stac import checksum
from reliefscope.products.verify import verify
from tests.products.scene import RELEASED, make_context, make_granule, make_product


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    catalog = tmp_path_factory.mktemp("catalog")
    return publish(make_product(), catalog, context=make_context(), released=RELEASED).folder


@pytest.fixture
def folder(published, tmp_path):
    return shutil.copytree(published, tmp_path / published.name)


def wrong(folder):
    return {g.name for g in verify(folder) if g.passed is False}


def told_again(folder):
    """Write checksums as one would who hides a change."""
    names = [p for p in sorted(folder.iterdir()) if p.name not in {"SHA256SUMS", "item.json"}]
    sums = "".join(f"{checksum(p)}  {p.name}\n" for p in names)
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def test_package_as_published_is_as_it_claims(published):
    """Every check is made and passes; the quality gates are reported."""
    gates = verify(published)
    assert wrong(published) == set()
    assert len(gates) >= 12
    assert gates[-1].message == "all passed"


def test_one_byte_of_any_file(folder):
    """One byte changed at the end of each of seven files is seen in the checksum of each."""
    names = ("state.tif", "vectors.gpkg", "facts.json", "sheet.en.pdf", "brief.en.html",
             "statistics.xlsx", "observedEventA.parquet")  # fmt: skip
    for name in names:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (message,) = [g.message for g in verify(folder) if g.name == "checksums match"]
    assert all(f"{name} was changed" in message for name in names)
    assert message.count("was changed") == len(names)


def test_file_missing_or_added(folder):
    """The list of files is complete both ways."""
    (folder / "statistics.csv").unlink()
    (folder / "more.txt").write_text("more")
    (message,) = [g.message for g in verify(folder) if g.name == "checksums match"]
    assert "statistics.csv is missing" in message
    assert "more.txt is not listed" in message


def test_number_that_the_pixels_do_not_bear_out(folder):
    """An area changed in the facts disagrees with the raster, even with new checksums."""
    path = folder / "facts.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["facts"]["event_area_km2"]["value"] *= 1.01
    path.write_text(json.dumps(document), encoding="utf-8")
    told_again(folder)
    found = wrong(folder)
    assert "facts counted on the rasters" in found
    assert "statistics told from the facts" in found
    assert "checksums match" not in found
    assert "STAC Item valid and true to the files" in found


def test_range_and_people_that_do_not_add_up(folder):
    """The ends of the range are counted too, and units must sum to the whole."""
    path = folder / "facts.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["facts"]["event_area_km2"]["low"] *= 0.9
    document["admin"][0]["population"] += 1
    path.write_text(json.dumps(document), encoding="utf-8")
    told_again(folder)
    messages = {g.name: g.message for g in verify(folder) if g.passed is False}
    assert "event_area_km2, low" in messages["facts counted on the rasters"]
    assert "population of level 2" in messages["admin units add up"]


def test_pixels_changed(folder):
    """Pixels changed in the raster disagree with the numbers and the polygons."""
    with rasterio.open(folder / "state.tif") as file:
        array, profile, tags = file.read(1), file.profile, file.tags()
    array[:, :10] = 0
    profile.update(driver="GTiff")
    with rasterio.open(folder / "state.tif", "w", **profile) as file:
        file.write(array, 1)
        file.update_tags(**tags)
    told_again(folder)
    assert {"facts counted on the rasters", "vector and raster area agree"} <= wrong(folder)


def test_table_and_layers_that_tell_otherwise(folder):
    """A workbook cell, a polygon's field, a layer left out: each is named, sums told again."""
    book = load_workbook(folder / "statistics.xlsx")
    book["units"]["E3"] = 1.0
    book.save(folder / "statistics.xlsx")
    path = folder / "observedEventA.parquet"
    table = gpd.read_parquet(path)
    table.assign(area_ha=table["area_ha"] * 2).to_parquet(path)
    (folder / "exclusionA.parquet").unlink()
    told_again(folder)
    messages = {g.name: g.message for g in verify(folder) if g.passed is False}
    assert "sheet 'units'" in messages["statistics told from the facts"]
    found = messages["GeoParquet as the GeoPackage"]
    assert "observedEventA.parquet: other values in area_ha" in found
    assert "exclusionA.parquet is missing" in found
    table.iloc[:0].to_parquet(path)
    assert any("0 features, not 1" in g.message for g in verify(folder))
    path.write_bytes(b"none")
    assert any("no GeoParquet" in g.message for g in verify(folder))


def test_unknown_class_and_another_grid(folder):
    """Codes that mean nothing, and layers that do not fit on each other."""
    with rasterio.open(folder / "state.tif") as file:
        array, profile = file.read(1), file.profile
    array[0, 0] = 77
    with rasterio.open(folder / "state.tif", "w", **profile) as file:
        file.write(array, 1)
    assert any("77" in g.message for g in verify(folder) if g.passed is False)
    profile.update(width=8, height=8)
    with rasterio.open(folder / "state.tif", "w", **profile) as file:
        file.write(np.zeros((8, 8), np.uint8), 1)
    assert any("not over the grid" in g.message for g in verify(folder))


def test_file_of_another_run(folder):
    """A layer of another run is not taken for this product's."""
    path = folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["fingerprint"] = "0" * 64
    path.write_text(json.dumps(document), encoding="utf-8")
    (message,) = [g.message for g in verify(folder) if g.name == "identity agrees"]
    assert "provenance" in message


def test_exercise_without_its_mark(folder):
    """Simulated input with an unmarked layer is found."""
    path = folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["granules"]["after"][0]["exercise"] = True
    path.write_text(json.dumps(document), encoding="utf-8")
    (message,) = [g.message for g in verify(folder) if g.name == "EXERCISE marked everywhere"]
    assert "state.tif" in message


@pytest.mark.parametrize("name", ["facts.json", "item.json", "state.tif", "vectors.gpkg"])
def test_file_that_is_something_else(folder, name):
    """Garbage in place of a file is a finding, not a crash."""
    (folder / name).write_bytes(b"not this\n")
    told_again(folder)
    assert wrong(folder)


def test_path_in_the_list_leads_nowhere_else(folder):
    """A list that names a file elsewhere is refused."""
    (folder / "SHA256SUMS").write_text("0" * 64 + "  ../../etc/passwd\n")
    assert "checksums match" in wrong(folder)


def test_a_folder_without_package(tmp_path):
    with pytest.raises(InputError, match="no package"):
        verify(tmp_path)


def test_number_leads_to_granules_and_checksums(published):
    """The chain has the exact value, the layer's checksum, and the granule's own."""
    chain = explain(open_package(published), "event_area_km2")
    assert chain["layer"]["sha256"] == checksum(published / "state.tif")
    (granule,) = chain["granules"]
    assert granule["id"] == "S1A_20240915"
    assert granule["assets"]["vv"]["checksum"] == "1220" + "ab" * 32
    assert chain["fact"]["value"] == open_package(published).facts["event_area_km2"].value
    assert chain["indicator"]["parameters"] == {"mmu": 10.0}
    assert "hunter2" not in json.dumps(chain)
    people = explain(open_package(published), "exposed_population")
    assert people["other_inputs"] == ["Hand-made 2024"]


def test_chain_of_every_fact_is_whole(published):
    """Whatever the family of a fact: its layer has a checksum that is true, each input is a granule
    with its own checksums or reference data with theirs, and software and parameters stand by."""
    package = open_package(published)
    families = set()
    for key, fact in package.facts.items():
        chain = explain(package, key)
        assert chain["fact"]["value"] == fact.value
        if fact.layer:
            layer = chain["layer"]
            assert layer["sha256"] == checksum(published / layer["file"]), key
        assert {g["id"] for g in chain["granules"]} | set(chain["other_inputs"]) == set(fact.inputs)
        assert all(a["checksum"] for g in chain["granules"] for a in g["assets"].values())
        assert fact.inputs or fact.key == "population_source", key
        assert len(chain["context"]["sha256"]) == 64
        assert chain["code"]["reliefscope"] == "0.1.0"
        families.add(fact.display)
    assert families >= {"area", "people", "length", "share", "time", "hours", "number", "list"}


def test_explain_says_which_facts_there_are(published):
    with pytest.raises(InputError, match=r"no fact 'area'.*event_area_km2"):
        explain(open_package(published), "area")


class TestCommands:
    """The same at the command line."""

    def test_verify_of_a_package_and_of_a_catalog(self, published, folder, capsys):
        """All well: 0. Something wrong: 5, and the name of the check."""
        catalog = published.parents[2]
        assert main(["verify", str(published)]) == 0
        assert main(["verify", str(catalog), "--json"]) == 0
        told = json.loads(capsys.readouterr().out.rpartition("\n{")[2].join(["{", ""]))
        assert all(g["passed"] is not False for g in told[published.name])
        (folder / "statistics.csv").write_text("none")
        assert main(["verify", str(folder)]) == 5
        shown = capsys.readouterr()
        assert "WRONG" in shown.out
        assert folder.name in shown.err

    def test_explain_by_product_id(self, published, capsys):
        """A product id is looked up in the catalog; without a fact, all are listed."""
        catalog = ["--catalog", str(published.parents[2])]
        assert main(["explain", published.name, "event_area_km2", *catalog]) == 0
        told = capsys.readouterr().out
        assert checksum(published / "state.tif") in told
        assert "S1A_20240915" in told
        assert main(["explain", published.name, *catalog, "--json"]) == 0
        assert "event_area_km2" in json.loads(capsys.readouterr().out)["facts"]
        assert main(["explain", "nothing", *catalog]) == 2
        assert find_package(published.parents[2], str(published)).folder == published


@pytest.mark.filterwarnings("ignore:.* is deprecated")  # pystac, of superseded versions
@pytest.mark.usefixtures("plain_sheet")
def test_decades_of_days_do_not_weigh_the_package_down(tmp_path):
    """Three thousand images: each number names their role, its chain still leads to every one of
    them; footprints that are alike are one, with first and last day; the facts stay small."""
    start = dt.datetime(2016, 1, 1, tzinfo=dt.UTC)
    days = tuple(
        make_granule(id=f"day-{n}", acquired=start + dt.timedelta(days=n)) for n in range(3000)
    )
    product = make_product(granules={"daily": days})
    package = publish(product, tmp_path, context=make_context(), released=RELEASED)
    assert package.facts["event_area_km2"].inputs == ("every granule of role daily",)
    assert package.facts["image_acquired"].inputs == ("day-2999",)
    chain = explain(package, "event_area_km2")
    assert [g["id"] for g in chain["granules"]] == [g.id for g in days]
    assert chain["other_inputs"] == []
    (row,) = gpd.read_file(package.folder / "vectors.gpkg", layer="imageFootprintA").to_dict(
        orient="records"
    )
    assert (row["count"], row["granule_id"]) == (3000, "day-2999")
    assert (row["first"][:10], row["acquired"][:10]) == ("2016-01-01", "2024-03-18")
    event = gpd.read_file(package.folder / "vectors.gpkg", layer="observedEventA")
    assert set(event["dmg_src_id"]) == {"every granule of role daily"}
    assert (package.folder / "facts.json").stat().st_size < 100_000
    assert (package.folder / "provenance.json").stat().st_size < 400_000
    assert not wrong(package.folder)
