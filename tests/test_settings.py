from pathlib import Path

from reliefscope.settings import Settings


def test_environment_overrides_defaults():
    """Set variables win, empty ones do not."""
    settings = Settings.from_environment(
        {
            "RELIEFSCOPE_CATALOG": "maps",
            "RELIEFSCOPE_CACHE": "",
            "RELIEFSCOPE_POLICY": "office.toml",
            "RELIEFSCOPE_ENGINE": "tcp://host:8786",
            "RELIEFSCOPE_LANGUAGES": "fr, ar",
            "RELIEFSCOPE_ALLOW_HOSTS": "a.local, 10.0.0.5,",
        }
    )
    assert settings.catalog == Path("maps")
    assert settings.cache == Settings().cache
    assert settings.engine == "tcp://host:8786"
    assert Settings.from_environment({}).engine == "threads"
    assert settings.policy == Path("office.toml")
    assert settings.languages == ("fr", "ar")
    assert Settings.from_environment({}).languages == ("en",)
    assert settings.allow_hosts == {"a.local", "10.0.0.5"}


def test_a_catalog_in_an_object_store():
    """Address, region and keys come from the usual variables; keys are printed nowhere."""
    settings = Settings.from_environment(
        {
            "RELIEFSCOPE_CATALOG": "s3://bucket/prefix",
            "AWS_ENDPOINT_URL": "https://store.example",
            "AWS_ENDPOINT_URL_S3": "https://s3.example",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_SECRET_ACCESS_KEY": "hunter2",
        }
    )
    assert settings.catalog_url == "s3://bucket/prefix"
    assert settings.catalog == Settings().catalog
    assert settings.s3_endpoint == "https://s3.example"
    assert settings.s3_region == "eu-west-1"
    assert "hunter2" not in repr(settings)
