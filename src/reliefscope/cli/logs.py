"""Logs for machines: one JSON object a line, with a run id and no secrets."""

import datetime as dt
import json
import logging
import re
import sys
from collections.abc import Iterable

from reliefscope.settings import Settings

_QUERY = re.compile(r"(?<=\w)\?[^\s'\"]+")
_USER = re.compile(r"://[^/\s@]+@")


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON.

    Parameters
    ----------
    run_id : str
        The same in every line of a run.
    secrets : iterable of str
        Struck out wherever they stand; so are users, passwords and queries of addresses.
    """

    def __init__(self, run_id: str, secrets: Iterable[str]) -> None:
        super().__init__()
        self._run_id = run_id
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "run": self._run_id,
            "message": self._clean(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = self._clean(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _USER.sub("://***@", _QUERY.sub("?***", text))


def log_json(level: int, run_id: str) -> None:
    """Send the log to standard error, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(run_id, Settings.from_environment().secrets.values()))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
