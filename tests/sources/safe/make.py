"""Small SAFE products after ESA's specifications, with everything about them known.

Sentinel-1: a satellite on a circular orbit looks to its right; points on the ground are found by
solving for where the range and Doppler equations hold, apart from the code under test. Sentinel-2:
JPEG 2000 images of chosen numbers.
"""

import datetime as dt
import hashlib
import math
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from rasterio.control import GroundControlPoint
from rasterio.transform import from_origin
from scipy.optimize import brentq, fsolve

START = dt.datetime(2023, 3, 10, 7, 57, 46, 120_000, tzinfo=dt.UTC)
STEM = "20230310t075746-20230310t075811-047579-05b6b2"
GRD = "S1A_IW_GRDH_1SDV_20230310T075746_20230310T075811_047579_05B6B2_8312"
ORBIT_M, INCLINATION, TURN_S = 7_071_000.0, math.radians(98.18), 5924.57
EARTH_RATE = 7.2921159e-5
ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
LINE_S, SPACING_M, NEAR_M = 1.4808e-3, 10.0, 850_000.0


def satellite(seconds):
    """Earth-fixed position [m] at seconds since the first line, over 45 N going north."""
    angle = math.radians(46) + 2 * math.pi / TURN_S * np.asarray(seconds, dtype=float)
    x, y, z = np.cos(angle), np.sin(angle) * np.cos(INCLINATION), np.sin(angle)
    turned = 0.3 - EARTH_RATE * np.asarray(seconds, dtype=float)
    return ORBIT_M * np.stack(
        [
            x * np.cos(turned) - y * np.sin(turned),
            x * np.sin(turned) + y * np.cos(turned),
            z * np.sin(INCLINATION),
        ],
        axis=-1,
    )


def velocity(seconds):
    """Earth-fixed velocity [m/s]."""
    return (satellite(seconds + 0.01) - satellite(seconds - 0.01)) / 0.02


def ground_point(seconds, slant_range, height):
    """Longitude and latitude of what is seen to the right, at a range and a height."""
    place, flight = satellite(seconds), velocity(seconds)
    down = -place / np.linalg.norm(place)
    right = np.cross(down, flight)
    right /= np.linalg.norm(right)
    radius = 6_367_000.0 + height
    bend = math.acos((ORBIT_M**2 + radius**2 - slant_range**2) / (2 * ORBIT_M * radius))
    guess = radius * (-down * math.cos(bend) + right * math.sin(bend))
    lon, lat, _ = ECEF.transform(*guess, direction="INVERSE")

    def miss(lonlat):
        sight = np.array(ECEF.transform(*lonlat, height)) - place
        return [
            np.linalg.norm(sight) - slant_range,
            sight @ flight / np.linalg.norm(flight),
        ]

    found, _, done, _ = fsolve(miss, [lon, lat], xtol=1e-14, full_output=True)
    assert done == 1 or max(map(abs, miss(found))) < 1e-3
    return found[0], found[1]


def incidence(seconds, lon, lat, height):
    """Angle between the line of sight and the normal of the ellipsoid [degrees]."""
    place = np.array(ECEF.transform(lon, lat, height))
    normal = np.array(ECEF.transform(lon, lat, height + 100)) - place
    sight = satellite(seconds) - place
    return math.degrees(math.acos(sight @ normal / np.linalg.norm(sight) / np.linalg.norm(normal)))


@dataclass(frozen=True, kw_only=True)
class Radar:
    """One Sentinel-1 product to be written."""

    name: str = GRD
    shape: tuple[int, int] = (300, 400)
    height: float = 0.0
    """Of the tie points [m]."""
    first_line: int = 0
    """Lines after `START`: later slices of one pass."""
    numbers: dict = field(default_factory=dict)
    """Digital numbers by polarisation; 100 everywhere by default."""
    calibration: str = ""
    """Calibration vectors; sigmaNought is 400 by default."""
    noise: str = ""
    """Noise vectors; 1600 by default."""
    gcps: bool = True

    @cached_property
    def slant_to_ground(self):
        """Powers of slant range beyond the first sample, rising."""
        reach = np.linspace(0, 0.8 * self.shape[1] * SPACING_M, 25)
        points = [ground_point(self.seconds(0), NEAR_M + r, self.height) for r in reach]
        geod = Geod(ellps="WGS84")
        distance = [geod.inv(*points[0], *p)[2] for p in points]
        fit = np.polynomial.Polynomial.fit(reach, distance, 6).convert().coef
        fit[0] = 0.0
        return fit

    def seconds(self, line):
        """Time of a line since `START`."""
        return (self.first_line + line) * LINE_S

    def slant_range(self, pixel):
        """Slant range of a sample [m]."""
        poly = np.polynomial.Polynomial(self.slant_to_ground)
        return NEAR_M + brentq(
            lambda r: poly(r) - pixel * SPACING_M, -2e3, 0.8 * self.shape[1] * SPACING_M, xtol=1e-6
        )

    def lonlat(self, line, pixel, height=None):
        """Where what is seen at a line and sample lies, at a height."""
        height = self.height if height is None else height
        return ground_point(self.seconds(line), self.slant_range(pixel), height)

    def incidence(self, line, pixel):
        """Incidence angle at a line and sample [degrees]."""
        return incidence(self.seconds(line), *self.lonlat(line, pixel), self.height)

    @cached_property
    def tie_points(self):
        """Line, sample, longitude, latitude, incidence of a grid of points."""
        lines = np.linspace(0, self.shape[0] - 1, 5).round().astype(int)
        samples = np.linspace(0, self.shape[1] - 1, 6).round().astype(int)
        return [
            (line, sample, *self.lonlat(line, sample), self.incidence(line, sample))
            for line in lines
            for sample in samples
        ]

    def grid(self, pixel=10.0, *, beyond=0.0):
        """Return a UTM grid over the image, and some metres beyond it."""
        to_utm = Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        x, y = to_utm.transform([p[2] for p in self.tie_points], [p[3] for p in self.tie_points])
        left, right = math.floor((min(x) - beyond) / pixel), math.ceil((max(x) + beyond) / pixel)
        low, high = math.floor((min(y) - beyond) / pixel), math.ceil((max(y) + beyond) / pixel)
        return GeoBox.from_bbox(
            (left * pixel, low * pixel, right * pixel, high * pixel),
            crs=self.crs,
            shape=(high - low, right - left),
        )

    @cached_property
    def crs(self):
        """UTM zone of the image."""
        return f"EPSG:{32601 + int((self.lonlat(0, 0)[0] + 180) // 6)}"

    def where(self, grid, line, pixel, height=None):
        """Row and column of a grid (0 is the middle of the first) of what an image pixel shows."""
        to_grid = Transformer.from_crs("EPSG:4326", str(grid.crs), always_xy=True)
        column, row = ~grid.affine * to_grid.transform(*self.lonlat(line, pixel, height))
        return row - 0.5, column - 0.5

    def write(self, folder: Path) -> Path:
        """Write the product and return its folder."""
        root = folder / f"{self.name}.SAFE"
        for part in ("annotation/calibration", "measurement"):
            (root / part).mkdir(parents=True)
        files = {}
        for number, pol in ((1, "vv"), (2, "vh")):
            stem = f"s1a-iw-grd-{pol}-{STEM}-{number:03}"
            self._write_image(root / f"measurement/{stem}.tiff", pol)
            texts = {
                f"annotation/{stem}.xml": ("Product", self.annotation(pol)),
                f"annotation/calibration/calibration-{stem}.xml": (
                    "Calibration",
                    self._calibration(),
                ),
                f"annotation/calibration/noise-{stem}.xml": ("Noise", self._noise()),
            }
            for path, (kind, text) in texts.items():
                (root / path).write_text(text, encoding="utf-8")
                files[path] = f"s1Level1{kind}Schema"
            files[f"measurement/{stem}.tiff"] = "s1Level1MeasurementSchema"
        (root / "manifest.safe").write_text(self._manifest(root, files), encoding="utf-8")
        return root

    def _write_image(self, path: Path, pol: str) -> None:
        numbers = self.numbers.get(pol, np.full(self.shape, 100))
        gcps = [
            GroundControlPoint(row=line, col=sample, x=lon, y=lat, z=self.height)
            for line, sample, lon, lat, _ in self.tie_points
        ]
        place = {"gcps": gcps, "crs": "EPSG:4326"} if self.gcps else {}
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=1,
            height=numbers.shape[0],
            width=numbers.shape[1],
            dtype="uint16",
            **place,
        ) as raster:
            raster.write(numbers.astype("uint16"), 1)

    def annotation(self, pol: str) -> str:
        """Return the product annotation."""
        orbit = "".join(
            f"<orbit><time>{_time(t)}</time><frame>Earth Fixed</frame>"
            f"<position>{_xyz(satellite(t))}</position><velocity>{_xyz(velocity(t))}</velocity>"
            f"</orbit>"
            for t in np.arange(-75.0, 85.0, 10.0)
        )
        conversion = "".join(
            f"<coordinateConversion><azimuthTime>{_time(t)}</azimuthTime>"
            f"<slantRangeTime>{2 * NEAR_M / 299_792_458:.15e}</slantRangeTime><sr0>{NEAR_M}</sr0>"
            f'<srgrCoefficients count="7">{_row(self.slant_to_ground)}</srgrCoefficients>'
            f"<gr0>0.0</gr0></coordinateConversion>"
            for t in (-1.0, 0.0, 1.0)
        )
        points = "".join(
            f"<geolocationGridPoint><azimuthTime>{_time(self.seconds(line))}</azimuthTime>"
            f"<line>{line}</line><pixel>{sample}</pixel><latitude>{lat:.14e}</latitude>"
            f"<longitude>{lon:.14e}</longitude><height>{self.height}</height>"
            f"<incidenceAngle>{angle:.12e}</incidenceAngle></geolocationGridPoint>"
            for line, sample, lon, lat, angle in self.tie_points
        )
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<product>
<adsHeader><missionId>S1A</missionId><productType>GRD</productType>
<polarisation>{pol.upper()}</polarisation><mode>IW</mode><swath>IW</swath></adsHeader>
<generalAnnotation>
<productInformation><pass>Ascending</pass><projection>Ground Range</projection></productInformation>
<orbitList count="16">{orbit}</orbitList>
</generalAnnotation>
<imageAnnotation><imageInformation>
<productFirstLineUtcTime>{_time(self.seconds(0))}</productFirstLineUtcTime>
<productLastLineUtcTime>{_time(self.seconds(self.shape[0] - 1))}</productLastLineUtcTime>
<slantRangeTime>{2 * NEAR_M / 299_792_458:.15e}</slantRangeTime>
<rangePixelSpacing>{SPACING_M:.6e}</rangePixelSpacing>
<azimuthPixelSpacing>{SPACING_M:.6e}</azimuthPixelSpacing>
<azimuthTimeInterval>{LINE_S:.15e}</azimuthTimeInterval>
<numberOfSamples>{self.shape[1]}</numberOfSamples><numberOfLines>{self.shape[0]}</numberOfLines>
</imageInformation></imageAnnotation>
<geolocationGrid><geolocationGridPointList count="{len(self.tie_points)}">{points}
</geolocationGridPointList></geolocationGrid>
<coordinateConversion><coordinateConversionList count="3">{conversion}
</coordinateConversionList></coordinateConversion>
</product>"""

    def _calibration(self) -> str:
        vectors = self.calibration or "".join(
            vector("calibrationVector", line, [0, self.shape[1] - 1], sigmaNought=[400, 400])
            for line in (0, self.shape[0] - 1)
        )
        return (
            f"<calibration><calibrationVectorList>{vectors}</calibrationVectorList></calibration>"
        )

    def _noise(self) -> str:
        vectors = self.noise or "".join(
            vector("noiseRangeVector", line, [0, self.shape[1] - 1], noiseRangeLut=[1600, 1600])
            for line in (0, self.shape[0] - 1)
        )
        return f"<noise>{vectors}</noise>"

    def _manifest(self, root: Path, files) -> str:
        objects = "".join(data_object(root, path, kind) for path, kind in files.items())
        n, m = self.shape[0] - 1, self.shape[1] - 1
        corners = [self.lonlat(*c) for c in ((0, 0), (0, m), (n, m), (n, 0))]
        outline = " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in corners)
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:gml="http://www.opengis.net/gml" xmlns:xfdu="urn:ccsds:schema:xfdu:1"
 xmlns:safe="http://www.esa.int/safe/sentinel-1.0"
 xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1"
 xmlns:s1sarl1="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1">
<metadataSection>
<safe:processing name="GRD Post Processing"><safe:facility>
<safe:software name="Sentinel-1 IPF" version="003.52"/></safe:facility></safe:processing>
<safe:platform><safe:familyName>SENTINEL-1</safe:familyName><safe:number>A</safe:number>
<safe:instrument><safe:extension><s1sarl1:instrumentMode><s1sarl1:mode>IW</s1sarl1:mode>
</s1sarl1:instrumentMode></safe:extension></safe:instrument></safe:platform>
<safe:orbitReference><safe:orbitNumber type="start">47579</safe:orbitNumber>
<safe:orbitNumber type="stop">47579</safe:orbitNumber>
<safe:relativeOrbitNumber type="start">82</safe:relativeOrbitNumber>
<safe:relativeOrbitNumber type="stop">82</safe:relativeOrbitNumber>
<safe:extension><s1:orbitProperties><s1:pass>ASCENDING</s1:pass></s1:orbitProperties>
</safe:extension></safe:orbitReference>
<s1sarl1:standAloneProductInformation>
<s1sarl1:transmitterReceiverPolarisation>VV</s1sarl1:transmitterReceiverPolarisation>
<s1sarl1:transmitterReceiverPolarisation>VH</s1sarl1:transmitterReceiverPolarisation>
<s1sarl1:productType>GRD</s1sarl1:productType></s1sarl1:standAloneProductInformation>
<safe:acquisitionPeriod><safe:startTime>{_time(self.seconds(0))}</safe:startTime>
</safe:acquisitionPeriod>
<safe:frameSet><safe:frame><safe:footPrint><gml:coordinates>{outline}</gml:coordinates>
</safe:footPrint></safe:frame></safe:frameSet>
</metadataSection>
<dataObjectSection>{objects}</dataObjectSection>
</xfdu:XFDU>"""


def vector(tag, line, pixels, **values):
    """Return one vector of a calibration or noise annotation."""
    tables = "".join(f'<{n} count="{len(v)}">{_row(v)}</{n}>' for n, v in values.items())
    return (
        f'<{tag}><line>{line}</line><pixel count="{len(pixels)}">{_row(pixels)}</pixel>'
        f"{tables}</{tag}>"
    )


def azimuth_vector(first, last, lines, factors):
    """Return one azimuth vector of a noise annotation."""
    return (
        f"<noiseAzimuthVector><swath>IW1</swath><firstAzimuthLine>{first[0]}</firstAzimuthLine>"
        f"<firstRangeSample>{first[1]}</firstRangeSample>"
        f"<lastAzimuthLine>{last[0]}</lastAzimuthLine><lastRangeSample>{last[1]}</lastRangeSample>"
        f'<line count="{len(lines)}">{_row(lines)}</line>'
        f'<noiseAzimuthLut count="{len(lines)}">{_row(factors)}</noiseAzimuthLut>'
        f"</noiseAzimuthVector>"
    )


def data_object(root: Path, path: str, kind: str) -> str:
    """Return a manifest's entry for a file."""
    content = (root / path).read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return (
        f'<dataObject ID="{path.replace("/", "")}" repID="{kind}"><byteStream '
        f'mimeType="application/octet-stream" size="{len(content)}">'
        f'<fileLocation locatorType="URL" href="./{path}"/>'
        f'<checksum checksumName="MD5">{digest}</checksum></byteStream></dataObject>'
    )


def zipped(root: Path) -> Path:
    """Return a zip file of a product, as services hand it out."""
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, f"{root.name}/{file.relative_to(root)}")
    return path


def _time(seconds) -> str:
    return (START + dt.timedelta(seconds=float(seconds))).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _xyz(values) -> str:
    return "".join(f"<{a}>{v:.15e}</{a}>" for a, v in zip("xyz", values, strict=True))


def _row(values) -> str:
    return " ".join(f"{v:.15e}" if isinstance(v, float) else str(v) for v in values)


NATIVE = {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B8A": 20, "B11": 20, "B12": 20}
WEST, NORTH, EPSG = 499_980.0, 5_200_020.0, 32633


@dataclass(frozen=True, kw_only=True)
class Optical:
    """One Sentinel-2 product to be written."""

    level: str = "2A"
    baseline: str = "05.09"
    size: int = 32
    """Pixels of 10 m a side."""
    numbers: dict = field(default_factory=dict)
    """Digital numbers by band, at its native pixel size; 3000 by default."""
    quantification: int = 10_000
    offsets: dict | None = None
    """By band identifier; -1000 each by default, none for no list at all."""
    day: str = "20230810"

    @property
    def name(self) -> str:
        """Name of the product."""
        number = self.baseline.replace(".", "")
        return f"S2B_MSIL{self.level}_{self.day}T094549_N{number}_R079_T33TWM_{self.day}T130104"

    @property
    def grid(self) -> GeoBox:
        """Pixels of 10 m."""
        side = self.size * 10
        return GeoBox.from_bbox(
            (WEST, NORTH - side, WEST + side, NORTH),
            crs=f"EPSG:{EPSG}",
            shape=(self.size, self.size),
        )

    def images(self) -> dict[str, int]:
        """Names of image files without suffix, with their pixel size."""
        tile = f"GRANULE/L{self.level}_T33TWM_A033567_{self.day}T094553/IMG_DATA"
        stem = f"T33TWM_{self.day}T094549"
        if self.level == "1C":
            return {f"{tile}/{stem}_{band}": metres for band, metres in NATIVE.items()}
        bands = [*NATIVE.items(), ("SCL", 20)]
        native = {f"{tile}/R{m}m/{stem}_{band}_{m}m": m for band, m in bands}
        # each band is delivered again at coarser sizes
        return native | {f"{tile}/R20m/{stem}_{b}_20m": 20 for b in ("B02", "B03", "B04")}

    def write(self, folder: Path) -> Path:
        """Write the product and return its folder."""
        root = folder / f"{self.name}.SAFE"
        for image, metres in self.images().items():
            self._write_image(root / f"{image}.jp2", metres)
        (root / f"MTD_MSIL{self.level}.xml").write_text(self.metadata(), encoding="utf-8")
        objects = "".join(data_object(root, f"{i}.jp2", "IMG") for i in self.images())
        (root / "manifest.safe").write_text(
            f'<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"><dataObjectSection>{objects}'
            f"</dataObjectSection></xfdu:XFDU>",
            encoding="utf-8",
        )
        return root

    def _write_image(self, path: Path, metres: int) -> None:
        band = next(b for b in path.stem.split("_") if b in NATIVE or b == "SCL")
        side = self.size * 10 // metres
        plain = np.full((side, side), 4 if band == "SCL" else 3000)
        native = NATIVE.get(band, 20) == metres
        numbers = self.numbers.get(band, plain) if native else plain
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            path,
            "w",
            driver="JP2OpenJPEG",
            count=1,
            height=side,
            width=side,
            dtype="uint8" if band == "SCL" else "uint16",
            crs=f"EPSG:{EPSG}",
            transform=from_origin(WEST, NORTH, metres, metres),
            QUALITY="100",
            REVERSIBLE="YES",
        ) as raster:
            raster.write(numbers.astype(raster.dtypes[0]), 1)

    def metadata(self) -> str:
        """Return the product metadata."""
        images = "".join(f"<IMAGE_FILE>{i}</IMAGE_FILE>" for i in self.images())
        offsets = dict.fromkeys(range(13), -1000) if self.offsets is None else self.offsets
        corners = Transformer.from_crs(EPSG, 4326, always_xy=True).transform(
            [WEST, WEST + self.size * 10, WEST + self.size * 10, WEST, WEST],
            [NORTH, NORTH, NORTH - self.size * 10, NORTH - self.size * 10, NORTH],
        )
        outline = " ".join(f"{lat} {lon}" for lon, lat in zip(*corners, strict=True))
        if self.level == "2A":
            scale = (
                "<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit='none'>"
                f"{self.quantification}</BOA_QUANTIFICATION_VALUE>"
                "<AOT_QUANTIFICATION_VALUE unit='none'>1000.0</AOT_QUANTIFICATION_VALUE>"
                "</QUANTIFICATION_VALUES_LIST>"
            )
            tag, around = "BOA_ADD_OFFSET", "BOA_ADD_OFFSET_VALUES_LIST"
        else:
            scale = f"<QUANTIFICATION_VALUE>{self.quantification}</QUANTIFICATION_VALUE>"
            tag, around = "RADIO_ADD_OFFSET", "Radiometric_Offset_List"
        added = "".join(f'<{tag} band_id="{n}">{v}</{tag}>' for n, v in offsets.items())
        listed = f"<{around}>{added}</{around}>" if offsets else ""
        day = f"{self.day[:4]}-{self.day[4:6]}-{self.day[6:]}"
        return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{self.level}_User_Product
 xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{self.level}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{day}T09:45:49.024Z</PRODUCT_START_TIME>
<PROCESSING_LEVEL>Level-{self.level}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{self.baseline}</PROCESSING_BASELINE>
<GENERATION_TIME>{day}T13:01:04.000000Z</GENERATION_TIME>
<Datatake datatakeIdentifier="GS2B_{self.day}T094549_033567_N{self.baseline}">
<SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME><SENSING_ORBIT_NUMBER>79</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION></Datatake>
<Product_Organisation><Granule_List><Granule imageFormat="JPEG2000">{images}</Granule>
</Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
{scale}{listed}
</Product_Image_Characteristics></n1:General_Info>
<n1:Geometric_Info><Product_Footprint><Product_Footprint><Global_Footprint>
<EXT_POS_LIST>{outline}</EXT_POS_LIST></Global_Footprint></Product_Footprint></Product_Footprint>
</n1:Geometric_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>70.63</Cloud_Coverage_Assessment>
</n1:Quality_Indicators_Info>
</n1:Level-{self.level}_User_Product>"""
