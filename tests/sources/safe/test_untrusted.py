"""Products come from anywhere: broken, cut short, or made to harm."""

import shutil
import zipfile

import numpy as np
import odc.geo.xr
import pytest
from defusedxml import ElementTree

from reliefscope.errors import InputError, IntegrityError, SourceError
from reliefscope.sources._safe import load_safe, markup, open_safe
from reliefscope.sources._safe.package import Package
from tests.sources.safe.make import STEM, Optical, Radar, zipped

SMALL = Radar(shape=(40, 50))
ANNOTATION = f"annotation/s1a-iw-grd-vv-{STEM}-001.xml"
CALIBRATION = f"annotation/calibration/calibration-s1a-iw-grd-vv-{STEM}-001.xml"
NOISE = f"annotation/calibration/noise-s1a-iw-grd-vv-{STEM}-001.xml"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    "<a>&c;</a>"
)
SPY = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.fixture
def radar(tmp_path):
    return SMALL.write(tmp_path)


@pytest.fixture
def optical(tmp_path):
    return Optical(size=16).write(tmp_path)


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("attack", [BOMB, SPY, '<?xml version="1.0"?><!DOCTYPE a><a/>'])
@pytest.mark.parametrize("member", ["manifest.safe", ANNOTATION])
def test_entities_and_document_types_are_refused(radar, member, attack):
    """Neither a bomb nor a file of this machine is unfolded."""
    (radar / member).write_text(attack, encoding="utf-8")
    with pytest.raises(IntegrityError, match="declares a document type or entities"):
        open_safe(radar)


@pytest.mark.parametrize("attack", [BOMB, SPY])
def test_entities_are_refused_in_optical_metadata(optical, attack):
    (optical / "MTD_MSIL2A.xml").write_text(attack, encoding="utf-8")
    with pytest.raises(IntegrityError, match="declares a document type or entities"):
        open_safe(optical)


@pytest.mark.parametrize("member", [CALIBRATION, NOISE])
def test_entities_are_refused_in_tables(radar, member):
    """These are opened when the image is."""
    granule = open_safe(radar)
    (radar / member).write_text(BOMB, encoding="utf-8")
    with pytest.raises(IntegrityError, match="declares a document type or entities"):
        load_safe([granule], SMALL.grid(100), ["vv"])


@pytest.mark.parametrize("pack", [False, True])
def test_metadata_beyond_any_real_size_are_not_read(radar, monkeypatch, pack):
    """Nine megabytes of blanks, in a folder and squeezed into a zip file."""
    with (radar / "manifest.safe").open("a", encoding="utf-8") as file:
        file.write(" " * 9_000_000)
    monkeypatch.setattr(markup.ElementTree, "fromstring", lambda *_, **__: pytest.fail("parsed"))
    with pytest.raises(IntegrityError, match="larger than 8 MB"):
        open_safe(zipped(radar) if pack else radar)


def test_content_beyond_the_cap_is_not_parsed():
    """Whatever was said of its size before."""
    with pytest.raises(IntegrityError, match="larger than 8 MB"):
        markup.parse(b"<a>" + b" " * markup.MAX_BYTES + b"</a>", "x.xml")


def test_zip_file_that_lies_about_sizes_is_not_unfolded(radar):
    """The directory says ten bytes; what is read stays below the cap, and is refused."""
    with (radar / "manifest.safe").open("a", encoding="utf-8") as file:
        file.write(" " * 9_000_000)
    path = zipped(radar)
    with zipfile.ZipFile(path) as archive:
        true = archive.getinfo(f"{radar.name}/manifest.safe").file_size
    content = path.read_bytes().replace(true.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(IntegrityError):
        open_safe(path)


@pytest.mark.parametrize(
    "away", ["../../../etc/passwd", "/etc/passwd", "annotation/../../x.tiff", "C:\\x", "a\\..\\b"]
)
def test_manifest_that_points_out_of_its_folder_is_refused(radar, away):
    """Nothing outside the product is opened, whatever its manifest says."""
    name = f"measurement/s1a-iw-grd-vv-{STEM}-001.tiff"
    replace(radar / "manifest.safe", f"./{name}", f"{away}/s1a-iw-grd-vv-x.tiff")
    with pytest.raises(IntegrityError, match="outside its own folder"):
        open_safe(radar)


def test_images_that_point_out_of_their_folder_are_refused(optical):
    """Names of image files are no better."""
    replace(optical / "MTD_MSIL2A.xml", "<IMAGE_FILE>GRANULE", "<IMAGE_FILE>../GRANULE")
    with pytest.raises(IntegrityError, match="outside its own folder"):
        open_safe(optical)


def test_links_out_of_the_folder_are_refused(radar, tmp_path):
    """A symbolic link within the product leads away: it is not followed."""
    image = radar / f"measurement/s1a-iw-grd-vv-{STEM}-001.tiff"
    shutil.move(image, tmp_path / "elsewhere.tiff")
    image.symlink_to(tmp_path / "elsewhere.tiff")
    with pytest.raises(IntegrityError, match="outside its own folder"):
        open_safe(radar)


def test_a_link_to_the_product_itself_is_followed(radar, tmp_path):
    """Archives are often mounted and linked."""
    (tmp_path / "link").symlink_to(radar)
    assert open_safe(tmp_path / "link").id == SMALL.name


@pytest.mark.parametrize("pack", [False, True])
def test_missing_files_are_named(radar, pack):
    """The message says which: both images of a download that broke off."""
    for number, pol in ((1, "vv"), (2, "vh")):
        (radar / f"measurement/s1a-iw-grd-{pol}-{STEM}-{number:03}.tiff").unlink()
    with pytest.raises(IntegrityError, match=r"grd-vv-.*001\.tiff, measurement/.*grd-vh-.*002"):
        open_safe(zipped(radar) if pack else radar)


def test_missing_band_is_named(optical):
    """B12 was not downloaded: it is not put down to the weather."""
    next(optical.rglob("*_B12_20m.jp2")).unlink()
    with pytest.raises(IntegrityError, match=r"lacks GRANULE/.*_B12_20m\.jp2"):
        open_safe(optical)


def test_unlisted_band_is_named(optical):
    """A band that the metadata do not list is missing too."""
    text = (optical / "MTD_MSIL2A.xml").read_text()
    (optical / "MTD_MSIL2A.xml").write_text(text.replace("_B11_20m<", "_B99_20m<"))
    with pytest.raises(IntegrityError, match=r"lacks image_B11_20m\.jp2"):
        open_safe(optical)


def test_missing_table_is_named(radar):
    """A manifest without the noise of VV."""
    replace(radar / "manifest.safe", f"noise-s1a-iw-grd-vv-{STEM}", "other")
    with pytest.raises(IntegrityError, match="lacks the noise of VV"):
        open_safe(radar)


@pytest.mark.parametrize("make", [SMALL.write, Optical(size=16).write])
def test_image_cut_short_is_told_by_the_manifest(tmp_path, make):
    """A download that stopped: fewer bytes than were promised."""
    root = make(tmp_path)
    image = next(p for s in ("*_B04_10m.jp2", "*-vv-*.tiff") for p in root.rglob(s))
    image.write_bytes(image.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match=r"bytes of the \d+ that the manifest promises"):
        open_safe(root)


def test_image_that_is_no_raster_is_refused(radar):
    granule = open_safe(radar)
    image = radar / f"measurement/s1a-iw-grd-vv-{STEM}-001.tiff"
    image.write_bytes(b"x" * image.stat().st_size)
    with pytest.raises(IntegrityError, match="is not a raster"):
        load_safe([granule], SMALL.grid(100), ["vv"])


def test_image_that_goes_while_it_is_read_is_told(radar):
    """Opened when the cube was planned, gone when it is computed."""
    cube = load_safe([open_safe(radar)], SMALL.grid(100), ["vv"])
    (radar / f"measurement/s1a-iw-grd-vv-{STEM}-001.tiff").unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        cube.compute()


def test_what_is_no_product_is_told(tmp_path):
    """Nothing there, an empty folder, two products, a file that is no zip, a zip without one."""
    with pytest.raises(InputError, match="does not exist"):
        open_safe(tmp_path / "absent.SAFE")
    with pytest.raises(IntegrityError, match="holds 0 SAFE products"):
        open_safe(tmp_path)
    (tmp_path / "x.zip").write_bytes(b"PK not really")
    with pytest.raises(IntegrityError, match="not a whole zip file"):
        open_safe(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("a/b.txt", "c")
    with pytest.raises(IntegrityError, match="holds 0 SAFE products"):
        open_safe(tmp_path / "y.zip")
    SMALL.write(tmp_path)
    assert open_safe(tmp_path).id == SMALL.name
    Optical(size=16).write(tmp_path)
    with pytest.raises(IntegrityError, match="holds 2 SAFE products"):
        open_safe(tmp_path)


def test_other_products_of_the_mission_are_told(radar):
    """Complex images are no power on the ground."""
    replace(radar / "manifest.safe", "<s1sarl1:productType>GRD", "<s1sarl1:productType>SLC")
    with pytest.raises(InputError, match="SENTINEL-1 SLC; of Sentinel-1, only GRD"):
        open_safe(radar)


def test_other_polarisations_hold_nothing_for_us(radar):
    """HH and HV are not VV and VH."""
    replace(radar / "manifest.safe", "grd-vv", "grd-hh")
    replace(radar / "manifest.safe", "grd-vh", "grd-hv")
    assert not open_safe(radar).assets


def test_footprint_across_the_antimeridian_is_split(radar):
    """From 179 E to 179 W is two degrees, not 358."""
    text = (radar / "manifest.safe").read_text()
    start = text.index("<gml:coordinates>")
    end = text.index("</gml:coordinates>")
    corners = "<gml:coordinates>-16,179 -16,-179 -18,-179 -18,179"
    (radar / "manifest.safe").write_text(text[:start] + corners + text[end:])
    footprint = open_safe(radar).footprint
    assert footprint.geom_type == "MultiPolygon"
    assert footprint.area == pytest.approx(4)


def test_root_of_a_product_is_found_again(radar):
    """From the href of an asset back to folder and archive."""
    for path in (radar, zipped(radar)):
        package = Package.find(path)
        assert Package.at(package.root) == package


GARBAGE = ("", "x", "nan", "-9e30")


def _variants(content):
    """Yield a metadata file with, by turns, one kind of element missing or garbled."""
    root = ElementTree.fromstring(content)
    parents = {child: parent for parent in root.iter() for child in parent}
    for tag in sorted({element.tag for element in parents}):
        element = next(e for e in root.iter(tag) if e is not root)
        parent, text = parents[element], element.text
        place = list(parent).index(element)
        parent.remove(element)
        yield tag, ElementTree.tostring(root)
        parent.insert(place, element)
        for garbage in GARBAGE:
            element.text = garbage
            yield tag, ElementTree.tostring(root)
        element.text = text


def _refused(done):
    """Say whether an action ends in an error made for people; any other kind goes through."""
    try:
        done()
    except (SourceError, InputError):
        return True
    return False


def _map(root, grid, **heights):
    cube = load_safe([open_safe(root)], grid, ["vv", "incidence_deg"], **heights).compute()
    assert not np.isinf(cube["vv"]).any()


def test_no_broken_manifest_crashes(radar):
    """Each kind of element missing or garbled: a typed error, or a granule with a footprint."""
    path = radar / "manifest.safe"
    refused = []
    for _, content in _variants(path.read_bytes()):
        path.write_bytes(content)
        refused.append(_refused(lambda: open_safe(radar).footprint.area + 1))
    assert 10 < sum(refused) < len(refused)


@pytest.mark.parametrize("member", [ANNOTATION, CALIBRATION, NOISE])
def test_no_broken_radar_metadata_crash(radar, member):
    """Each kind of element missing or garbled: a typed error, or a map with nothing infinite."""
    grid = SMALL.grid(100)
    path = radar / member
    refused = []
    for _, content in _variants(path.read_bytes()):
        path.write_bytes(content)
        refused.append(_refused(lambda: _map(radar, grid)))
    assert sum(refused) > 10


def test_no_broken_optical_metadata_crash(optical):
    """Each kind of element missing or garbled: a typed error, or a granule with an offset."""
    path = optical / "MTD_MSIL2A.xml"
    refused = []
    for _, content in _variants(path.read_bytes()):
        path.write_bytes(content)
        refused.append(_refused(lambda: open_safe(optical).assets["red"].offset + 1))
    assert sum(refused) > 10


def test_orbits_that_lead_nowhere_make_no_crash(radar):
    """Garbled orbits and conversions, with heights: nothing on the map, or a typed error."""
    grid = SMALL.grid(50)
    dem = odc.geo.xr.xr_zeros(grid.pad(3), dtype="float32")
    path = radar / ANNOTATION
    refused = []
    for tag, content in _variants(path.read_bytes()):
        if tag in {"x", "y", "z", "time", "sr0", "srgrCoefficients", "azimuthTime", "orbit"}:
            path.write_bytes(content)
            refused.append(_refused(lambda: _map(radar, grid, dem=dem, geoid_m=0)))
    assert 10 < sum(refused) < len(refused)
