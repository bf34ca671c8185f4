"""Compressed JSON as 1.x writes it, with numpy's numbers and pandas' times."""

from __future__ import annotations

import gzip
import json
import os
from datetime import date
from typing import Any

__all__ = ["Encoder", "dump", "load"]


def dumps(value: Any) -> bytes:
    """A value as gzip-compressed JSON."""
    return gzip.compress(json.dumps(value, cls=Encoder).encode(), mtime=0)


def loads(data: bytes) -> Any:
    """The value behind gzip-compressed JSON."""
    return json.loads(gzip.decompress(data))


def dump(obj: Any, path: str) -> None:
    """Write a value to a file; make the file's directory if necessary."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(dumps(obj))


def load(path: str) -> Any:
    """The value in a file."""
    with open(path, "rb") as file:
        return loads(file.read())


class Encoder(json.JSONEncoder):
    """JSON encoder for the further types that 1.x supports."""

    def default(self, o: Any) -> Any:
        """Plain data for a value of those types."""
        kind = f"{type(o).__module__}.{type(o).__name__}"
        if kind.startswith("pandas.") and kind.endswith(".Timestamp"):
            return o.isoformat()
        if kind.startswith("pandas.") and kind.endswith(".Timedelta"):
            return str(o)
        if isinstance(o, date):  # and a datetime, of which 1.x keeps the day only
            return o.strftime("%Y-%m-%d")
        if kind in ("numpy.float32", "numpy.float64", "numpy.int32", "numpy.int64"):
            return o.item()
        return super().default(o)
