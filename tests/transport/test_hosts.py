import pytest

from reliefscope.errors import AccessError
from reliefscope.transport.hosts import check_host, check_href

API = "https://stac.example.org/v1"


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "ftp://x/y.tif",
        "http://127.0.0.1/x.tif",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x.tif",
        "http://[::ffff:127.0.0.1]/x.tif",
        "http://10.1.2.3/x.tif",
    ],
)
def test_a_web_catalog_leads_neither_to_files_nor_to_private_hosts(href):
    """Local files, other schemes, loopback, metadata services and private ranges are refused."""
    with pytest.raises(AccessError):
        check_href(href, home=API)


def test_hosts_the_user_named_are_followed():
    """The catalog's own host, and those of the settings, may be private."""
    assert check_href("http://127.0.0.1:8/x.tif", home="http://127.0.0.1:9")
    assert check_href("http://10.1.2.3/x.tif", home=API, allow_hosts={"10.1.2.3"})


def test_a_catalog_on_disk_leads_only_into_its_own_folder(tmp_path):
    """Climbing out with dots is refused."""
    home = str(tmp_path / "catalog.json")
    inside = str(tmp_path / "a" / "x.tif")
    assert check_href(inside, home=home) == inside
    with pytest.raises(AccessError, match="outside its own folder"):
        check_href(str(tmp_path / "a" / ".." / ".." / "x.tif"), home=home)


def test_a_name_that_leads_to_a_private_address_is_refused_before_it_is_read(monkeypatch):
    """The name looks harmless; what it resolves to does not."""
    answers = {"inside.example": "10.0.0.7", "outside.example": "93.184.215.14"}

    def resolve(host, port):
        return [(None, None, None, "", (answers[host], port))]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert check_href("https://inside.example/x.tif", home=API)
    with pytest.raises(AccessError, match="private address"):
        check_host("https://inside.example/x.tif", home=API)
    assert check_host("https://inside.example/x.tif", home=API, allow_hosts={"inside.example"})
    assert check_host("https://outside.example/x.tif", home=API)
