"""Where cubes come from. To add a source: one file, one line here."""

from collections.abc import Mapping

from reliefscope.sources._base import Source
from reliefscope.sources.files import FilesSource
from reliefscope.sources.stac import StacSource

SOURCES: Mapping[str, type[Source]] = {
    "files": FilesSource,
    "stac": StacSource,
}
