"""The table of formats in the documentation: ``python -m benchmarks.formats_page FIGURES.json``.

Rewrites what is between two comments in ``docs/formats.md`` from what ``python -m benchmarks formats --json
FIGURES.json`` wrote, and keeps the data in ``docs/figures/formats.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contestant import HERE
from benchmarks.page import rewritten

BEGIN = "<!-- figures: written by python -m benchmarks.formats_page -->"

YES, NO = "yes", "**no**"

#: By class: its values, its bytes, and whether it is safe to load what others have written.
ROWS = {
    "PandasOutput": ("a pandas frame", "Parquet (zstd)", YES),
    "ParquetOutput": ("a pyarrow table", "Parquet (zstd)", YES),
    "PolarsOutput": ("a polars frame", "Parquet (zstd)", YES),
    "ArrowOutput": ("a pyarrow table", "Arrow, mapped", YES),
    "NumpyOutput": ("an array", "`.npy`, mapped", YES),
    "NpzOutput": ("arrays by name", "`.npz`", YES),
    "SafetensorsOutput": ("arrays by name", "safetensors", YES),
    "SparseOutput": ("a sparse matrix", "`.npz` (SciPy)", YES),
    "TorchOutput": ("tensors, a state dict", "PyTorch", YES),
    "H5FileOutput": ("pandas frames by name", "HDF5 (`HDFStore`)", NO),
    "HDF5Output": ("what h5py writes", "HDF5", YES),
    "BinaryOutput": ("anything that can be pickled", "pickle", NO),
    "JoblibOutput": ("the same; large arrays", "joblib (zlib)", NO),
    "MsgpackOutput": ("plain data", "MessagePack", YES),
    "JSONOutput": ("plain data", "JSON (gzip from 1 KiB on)", YES),
    "JSONNaNOutput": ("plain data with nan", "JSON (gzip from 1 KiB on)", YES),
    "JSONLinesOutput": ("a list of plain data", "JSON, a line each", YES),
    "SerializableOutput": ("tasks, outputs, dataclasses", "JSON (gzip)", NO),
    "TextOutput": ("a string (here: CSV)", "text", YES),
    "BytesOutput": ("bytes", "as they are", YES),
    "DirectoryOutput": ("a directory", "zip, not compressed", "as its files are"),
}

FIGURES = ("size of", "storing", "loading")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page's part, and the data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats_page", description=__doc__)
    parser.add_argument("figures", type=Path, help="what `python -m benchmarks formats --json` wrote")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs", help="where the page is (%(default)s)")
    options = parser.parse_args(arguments)
    figures = json.loads(options.figures.read_text())
    page = options.docs / "formats.md"
    page.write_text(rewritten(page.read_text(), table(figures), BEGIN))
    (options.docs / "figures" / "formats.json").write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n")


def table(figures: dict[str, Any]) -> str:
    """Return the text between the comments."""
    found = [_figure(figures, title) for title in FIGURES]
    lines = [
        "| value | output | stored as | MB | store, ms | load, ms | safe to share |",
        "|---|---|---|--:|--:|--:|---|",
    ]
    for name, (value, stored, safe) in ROWS.items():
        cells = [f"{values[name]:,.0f}" if name in values else "" for values in found]
        lines.append(f"| {value} | `{name}` | {stored} | {' | '.join(cells)} | {safe} |")
    return "\n".join(lines)


def _figure(figures: dict[str, Any], title: str) -> dict[str, float]:
    outcome = next(one for one in figures["outcomes"] if one["title"].startswith(title))
    return {row["name"]: median(row["values"]) for row in outcome["rows"] if row["values"]}


if __name__ == "__main__":
    main()
