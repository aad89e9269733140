"""How providers name what they hold, and what their items leave unsaid.

Asset keys, scales and fill values are those of the providers' own items and documents; each row
names its document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from reliefscope.transport.credentials import Access

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One collection of a provider."""

    assets: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Asset key by canonical variable. Empty: keys are variables."""
    endings: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """End of the file's name by canonical variable, where keys differ from item to item."""
    units: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Units of the values, once scaled, where the items do not say."""
    scale: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    offset: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    nodata: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """The same where the items do not say."""
    raw_sentinel2: bool = False
    """Whether pixels are as ESA stores them, with 1000 added from baseline 04.00 on, and the
    items do not say so."""

    @property
    def variables(self) -> frozenset[str]:
        """Canonical variables that are known to be in it; none if nothing is known."""
        return frozenset(self.assets) | frozenset(self.endings)


class Signing(StrEnum):
    """How links are made readable."""

    NONE = "none"
    TOKENS = "tokens"
    """A token a container is given out (Azure), see ``Profile.tokens``."""
    EARTHDATA = "earthdata"
    """An authorised request is answered with a signed link."""
    EODATA = "eodata"
    """Links into an object store are signed with the user's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One provider."""

    url: str = ""
    collections: Mapping[str, Holding] = field(default_factory=lambda: MappingProxyType({}))
    assets: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Asset key by canonical variable, over those of any collection."""
    units: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Units by canonical variable, over those of any collection."""
    licence: str = ""
    signing: Signing = Signing.NONE
    tokens: str = ""
    """Where read tokens are given."""
    glance: bool = True
    """Whether a sample of the pixels is looked at: the coarsest level of a JPEG 2000 file lies all
    over it."""
    access: Access | None = None

    def holding(self, collection: str) -> Holding:
        """Return what is known of a collection; nothing of one that is not listed."""
        return self.collections.get(collection, Holding())


def _each(names: Mapping[str, str], value: float) -> Mapping[str, float]:
    return MappingProxyType(dict.fromkeys(names, value))


_COMMON = {
    name: name for name in ("blue", "green", "red", "nir", "nir08", "swir16", "swir22", "scl")
}
_S2_BANDS = {
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "nir": "B08",
    "nir08": "B8A",
    "swir16": "B11",
    "swir22": "B12",
}
_HLS_S30 = {**_S2_BANDS, "fmask": "Fmask"}
_HLS_L30 = {
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "nir08": "B05",
    "swir16": "B06",
    "swir22": "B07",
    "fmask": "Fmask",
}
_LANDSAT = {
    **{name: name for name in ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel")},
    "lst": "lwir11",
}
_USGS_BANDS = {
    "blue": "SR_B2.TIF",
    "green": "SR_B3.TIF",
    "red": "SR_B4.TIF",
    "nir08": "SR_B5.TIF",
    "swir16": "SR_B6.TIF",
    "swir22": "SR_B7.TIF",
}
_REFLECTANCE = frozenset(_S2_BANDS)


def _hls(assets: Mapping[str, str]) -> Holding:
    """HLS Product User Guide v2 (LP DAAC): scale 0.0001, fill -9999; Fmask fill 255."""
    bands = {name: key for name, key in assets.items() if name in _REFLECTANCE}
    return Holding(
        assets=assets,
        scale=_each(bands, 0.0001),
        nodata={**_each(bands, -9999.0), "fmask": 255.0},
    )


def _s2_cog() -> Holding:
    return Holding(assets=_COMMON)


STORE, BUCKET = "https://eodata.dataspace.copernicus.eu", "eodata"
"""The object store of the Copernicus Data Space."""

ACCESS_S3 = Access(
    service="Copernicus Data Space object store",
    names=("CDSE_S3_ACCESS_KEY", "CDSE_S3_SECRET_KEY"),
    host="eodata.dataspace.copernicus.eu",
    how="generate keys at https://eodata-s3keysmanager.dataspace.copernicus.eu",
    probe=STORE,
)

_DSWX = Holding(
    endings={
        "dswx_wtr": "_B01_WTR.tif",
        "dswx_bwtr": "_B02_BWTR.tif",
        "dswx_conf": "_B03_CONF.tif",
    },
    nodata={"dswx_wtr": 255.0, "dswx_bwtr": 255.0, "dswx_conf": 255.0},
)

_EARTHDATA = Access(
    service="NASA Earthdata (CMR-STAC)",
    # no netrc: what stands there for this host is the password of the account, not a token
    names=("EARTHDATA_TOKEN",),
    how="generate a token free of charge at https://urs.earthdata.nasa.gov/profile",
    probe="https://cmr.earthdata.nasa.gov/stac",
)

PROFILES: Mapping[str, Profile] = {
    "generic": Profile(),
    # https://planetarycomputer.microsoft.com/catalog: one document a collection
    "planetary-computer": Profile(
        url="https://planetarycomputer.microsoft.com/api/stac/v1",
        signing=Signing.TOKENS,
        tokens="https://planetarycomputer.microsoft.com/api/sas/v1/token",
        collections={
            "sentinel-1-rtc": Holding(
                assets={"vv": "vv", "vh": "vh"}, units={"vv": "1", "vh": "1"}
            ),
            "sentinel-2-l2a": Holding(
                assets={**_S2_BANDS, "scl": "SCL"},
                scale=_each(_S2_BANDS, 0.0001),
                nodata={**_each(_S2_BANDS, 0.0), "scl": 0.0},
                raw_sentinel2=True,
            ),
            # scale 2.75e-5, offset -0.2 and ST 0.00341802 + 149 stand in the items
            "landsat-c2-l2": Holding(assets=_LANDSAT),
            "hls2-s30": _hls(_HLS_S30),
            "hls2-l30": _hls(_HLS_L30),
            # MOD13 User's Guide (Collection 6.1): fill -3000
            "modis-13Q1-061": Holding(
                assets={"ndvi": "250m_16_days_NDVI", "evi": "250m_16_days_EVI"},
                scale={"ndvi": 0.0001, "evi": 0.0001},
                nodata={"ndvi": -3000.0, "evi": -3000.0},
            ),
            # MOD14 User's Guide (Collection 6.1)
            "modis-14A1-061": Holding(assets={"fire_mask": "FireMask"}),
            "modis-14A2-061": Holding(assets={"fire_mask": "FireMask"}),
            # MCD64A1 User's Guide (Collection 6.1): -1 unmapped, -2 water
            "modis-64A1-061": Holding(assets={"burn_date": "Burn_Date"}, nodata={"burn_date": -1}),
            "cop-dem-glo-30": Holding(assets={"elevation": "data"}),
            # Data Users Guide (v2) of the JRC surface water: 255 no data
            "jrc-gsw": Holding(
                assets={
                    "water_seasonality": "seasonality",
                    "water_occurrence": "occurrence",
                    "water_extent": "extent",
                },
                nodata={
                    "water_seasonality": 255.0,
                    "water_occurrence": 255.0,
                    "water_extent": 255.0,
                },
            ),
            "esa-worldcover": Holding(assets={"land_cover": "map"}),
        },
        access=Access(
            service="Planetary Computer",
            names=("PC_SDK_SUBSCRIPTION_KEY",),
            host="planetarycomputer.microsoft.com",
            how="a key only raises the limits: https://planetarycomputer.microsoft.com/docs",
            probe="https://planetarycomputer.microsoft.com/api/stac/v1",
            optional=True,
        ),
    ),
    # https://earth-search.aws.element84.com/v1: its Sentinel-1 GRD is neither calibrated nor
    # geocoded, and its Landsat lies in a bucket whose readers pay, so neither is offered here
    "earth-search": Profile(
        url="https://earth-search.aws.element84.com/v1",
        collections={
            "sentinel-2-l2a": _s2_cog(),
            "sentinel-2-c1-l2a": _s2_cog(),
            "cop-dem-glo-30": Holding(assets={"elevation": "data"}),
        },
        access=Access(service="Earth Search", probe="https://earth-search.aws.element84.com/v1"),
    ),
    # https://landsatlook.usgs.gov/stac-server, items of Landsat 8 and 9 as USGS writes them; scale
    # and offset: Landsat 8-9 Collection 2 Level 2 Science Product Guide, LSDS-1619
    "usgs": Profile(
        url="https://landsatlook.usgs.gov/stac-server",
        collections={
            "landsat-c2l2-sr": Holding(
                assets={**_USGS_BANDS, "qa_pixel": "QA_PIXEL.TIF"},
                scale=_each(_USGS_BANDS, 2.75e-5),
                offset=_each(_USGS_BANDS, -0.2),
                nodata={**_each(_USGS_BANDS, 0.0), "qa_pixel": 1.0},
            ),
            "landsat-c2l2-st": Holding(
                assets={"lst": "ST_B10.TIF", "qa_pixel": "QA_PIXEL.TIF"},
                units={"lst": "K"},
                scale={"lst": 0.00341802},
                offset={"lst": 149.0},
                nodata={"lst": 0.0, "qa_pixel": 1.0},
            ),
        },
        access=Access(
            service="USGS Landsat (LandsatLook)", probe="https://landsatlook.usgs.gov/stac-server"
        ),
    ),
    # https://cmr.earthdata.nasa.gov/stac/LPCLOUD, Harmonized Landsat and Sentinel-2
    "nasa-hls": Profile(
        url="https://cmr.earthdata.nasa.gov/stac/LPCLOUD",
        collections={"HLSS30_2.0": _hls(_HLS_S30), "HLSL30_2.0": _hls(_HLS_L30)},
        signing=Signing.EARTHDATA,
        access=_EARTHDATA,
    ),
    # OPERA products at NASA's archives, by the ends of their file names: Product Specifications
    # JPL D-107395 (DSWx-HLS), D-108762 (DSWx-S1), D-108277 (DIST-ALERT), D-108758 (RTC-S1)
    "opera-dswx-hls": Profile(
        url="https://cmr.earthdata.nasa.gov/stac/POCLOUD",
        collections={"OPERA_L3_DSWX-HLS_V1_1.0": _DSWX},
        signing=Signing.EARTHDATA,
        access=_EARTHDATA,
    ),
    "opera-dswx-s1": Profile(
        url="https://cmr.earthdata.nasa.gov/stac/POCLOUD",
        collections={"OPERA_L3_DSWX-S1_V1_1.0": _DSWX},
        signing=Signing.EARTHDATA,
        access=_EARTHDATA,
    ),
    "opera-dist": Profile(
        url="https://cmr.earthdata.nasa.gov/stac/LPCLOUD",
        collections={
            "OPERA_L3_DIST-ALERT-HLS_V1_1": Holding(
                endings={"dist_status": "_VEG-DIST-STATUS.tif"}, nodata={"dist_status": 255.0}
            )
        },
        signing=Signing.EARTHDATA,
        access=_EARTHDATA,
    ),
    "opera-rtc-s1": Profile(
        url="https://cmr.earthdata.nasa.gov/stac/ASF",
        collections={
            "OPERA_L2_RTC-S1_V1_1": Holding(
                endings={"vv": "_VV.tif", "vh": "_VH.tif"}, units={"vv": "1", "vh": "1"}
            )
        },
        signing=Signing.EARTHDATA,
        access=_EARTHDATA,
    ),
    # https://stac.dataspace.copernicus.eu/v1/collections/sentinel-2-l2a: scale, offset and nodata
    # stand in the items; its Sentinel-1 GRD is not calibrated: `type = "cdse"` does that
    "cdse": Profile(
        url="https://stac.dataspace.copernicus.eu/v1",
        collections={
            "sentinel-2-l2a": Holding(
                assets={
                    "blue": "B02_10m",
                    "green": "B03_10m",
                    "red": "B04_10m",
                    "nir": "B08_10m",
                    "nir08": "B8A_20m",
                    "swir16": "B11_20m",
                    "swir22": "B12_20m",
                    "scl": "SCL_20m",
                }
            )
        },
        signing=Signing.EODATA,
        glance=False,
        access=replace(
            ACCESS_S3,
            service="Copernicus Data Space (STAC)",
            probe="https://stac.dataspace.copernicus.eu/v1",
        ),
    ),
    # https://services.eodc.eu: Global Flood Monitoring of the Copernicus emergency service
    "gfm": Profile(
        url="https://stac.eodc.eu/api/v1",
        collections={
            "GFM": Holding(
                assets={
                    "gfm_flood": "ensemble_flood_extent",
                    "gfm_water": "ensemble_water_extent",
                    "gfm_reference_water": "reference_water_mask",
                    "gfm_exclusion": "exclusion_mask",
                    "gfm_advisory": "advisory_flags",
                    "gfm_likelihood": "ensemble_likelihood",
                },
                units={"gfm_likelihood": "percent"},
                nodata=dict.fromkeys(
                    (
                        "gfm_flood",
                        "gfm_water",
                        "gfm_reference_water",
                        "gfm_exclusion",
                        "gfm_advisory",
                        "gfm_likelihood",
                    ),
                    255.0,
                ),
            )
        },
        access=Access(service="Global Flood Monitoring", probe="https://stac.eodc.eu/api/v1"),
    ),
}

ACCESS: Mapping[str, Access] = {
    name: profile.access for name, profile in PROFILES.items() if profile.access is not None
}
