import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError

from reliefscope.errors import AccessError
from reliefscope.settings import Settings
from reliefscope.transport.credentials import (
    Access,
    credentials_kept_in,
    find_credentials,
    require_credentials,
)

HUB = Access(
    service="the hub",
    names=("CDSE_USERNAME", "CDSE_PASSWORD"),
    host="hub.example.org",
    how="register at https://hub.example.org",
)
KEYED = Access(service="fires", names=("FIRMS_MAP_KEY",), host="fires.example.org", how="ask")


class Memory(KeyringBackend):
    """A keyring that forgets when the test ends."""

    priority = 1

    def __init__(self, held):
        super().__init__()
        self.held = held

    def get_password(self, service, username):
        if self.held is None:
            raise NoKeyringError
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        raise NotImplementedError

    def delete_password(self, service, username):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def held():
    """An empty keyring in place of this machine's own."""
    before = keyring.get_keyring()
    memory = Memory({})
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def _plain(access, settings):
    found = find_credentials(access, settings)
    return found and {name: value.get_secret_value() for name, value in found.items()}


def _settings(tmp_path, netrc="", **environ):
    path = tmp_path / "netrc"
    path.write_text(netrc)
    return Settings.from_environment({"NETRC": str(path), **environ})


def test_the_environment_comes_first_then_the_keyring_then_netrc(tmp_path, held):
    """Each place is used when those before it lack a value."""
    netrc = "machine hub.example.org login n password n-pass\n"
    assert _plain(HUB, _settings(tmp_path, netrc)) == {
        "CDSE_USERNAME": "n",
        "CDSE_PASSWORD": "n-pass",
    }
    held.held[("reliefscope", "CDSE_USERNAME")] = "k"
    held.held[("reliefscope", "CDSE_PASSWORD")] = "k-pass"
    assert _plain(HUB, _settings(tmp_path, netrc))["CDSE_USERNAME"] == "k"
    settings = _settings(tmp_path, netrc, CDSE_USERNAME="e", CDSE_PASSWORD="e-pass")
    assert _plain(HUB, settings)["CDSE_USERNAME"] == "e"
    assert credentials_kept_in(HUB, settings) == "environment"


def test_half_of_a_pair_is_nothing(tmp_path):
    """A user without a password is not sent anywhere."""
    assert _plain(HUB, _settings(tmp_path, CDSE_USERNAME="e")) is None


def test_a_key_alone_stands_in_the_password_of_netrc(tmp_path):
    """Services with one value read it there."""
    settings = _settings(tmp_path, "machine fires.example.org login x password key\n")
    assert _plain(KEYED, settings) == {"FIRMS_MAP_KEY": "key"}
    assert credentials_kept_in(KEYED, settings) == "netrc"


def test_a_machine_without_keyring_and_a_torn_netrc_are_no_fault(tmp_path, held, caplog):
    """Both are passed over; no line of the file is logged."""
    held.held = None
    settings = _settings(tmp_path, "machine hub.example.org login me passwrd s3cret\n")
    assert _plain(HUB, settings) is None
    assert "NetrcParseError" in caplog.text
    assert "s3cret" not in caplog.text


def test_what_is_missing_is_said_with_the_way_to_get_it(tmp_path):
    """The message names the values, where to register and where to put them."""
    with pytest.raises(AccessError) as caught:
        require_credentials(HUB, _settings(tmp_path))
    for part in ("CDSE_USERNAME and CDSE_PASSWORD", "https://hub.example.org", "keyring set"):
        assert part in str(caught.value)


def test_values_never_show(tmp_path):
    """Neither the settings nor what is found print a secret."""
    settings = _settings(tmp_path, CDSE_USERNAME="someone", CDSE_PASSWORD="s3cret")
    shown = repr(settings) + str(settings) + repr(find_credentials(HUB, settings))
    assert "s3cret" not in shown
    assert "someone" not in shown
