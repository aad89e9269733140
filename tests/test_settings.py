from pathlib import Path

from reliefscope.settings import Settings


def test_environment_overrides_defaults():
    """Set variables win, empty ones do not."""
    settings = Settings.from_environment(
        {
            "RELIEFSCOPE_CATALOG": "maps",
            "RELIEFSCOPE_CACHE": "",
            "RELIEFSCOPE_POLICY": "office.toml",
            "RELIEFSCOPE_LANGUAGES": "fr, ar",
            "RELIEFSCOPE_ALLOW_HOSTS": "a.local, 10.0.0.5,",
        }
    )
    assert settings.catalog == Path("maps")
    assert settings.cache == Settings().cache
    assert settings.policy == Path("office.toml")
    assert settings.languages == ("fr", "ar")
    assert Settings.from_environment({}).languages == ("en",)
    assert settings.allow_hosts == {"a.local", "10.0.0.5"}
