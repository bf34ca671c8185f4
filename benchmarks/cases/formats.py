"""One frame in each format: how large it is, how long it takes to store, and to load and use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alexflow import LocalStorage, Output, Task, formats
from benchmarks.contest import Measure, Setting, contest
from benchmarks.contestant import Unfit
from benchmarks.measure import Stopwatch
from benchmarks.outcome import Outcome

ROWS = 500_000
LABELS = 20


@dataclass(frozen=True)
class Holder(Task):
    """The task whose output the frame is."""


@dataclass(frozen=True)
class Format:
    """A format, and the frame as it takes it.

    Attributes:
        name: of its class.
        shape: makes of the frame what is stored.
        price: finds the column that is summed up in what was loaded.
    """

    name: str
    shape: Callable[[Any], Any]
    price: Callable[[Any], Any] = lambda loaded: loaded["price"]


def as_table(frame: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame)


def as_polars(frame: Any) -> Any:
    import polars as pl

    return pl.from_pandas(frame)


def as_arrays(frame: Any) -> Any:
    arrays = {name: frame[name].to_numpy() for name in ("id", "price", "quantity")}
    return {**arrays, "time": frame["time"].to_numpy().astype("int64"), "label": frame["label"].cat.codes.to_numpy()}


def as_lists(frame: Any) -> Any:
    return {**{name: frame[name].tolist() for name in frame}, "time": frame["time"].astype("int64").tolist()}


def as_matrix(frame: Any) -> Any:
    import numpy as np

    return np.column_stack([array.astype("float64") for array in as_arrays(frame).values()])


def as_csv(frame: Any) -> Any:
    return frame.to_csv(index=False)


def price_in_csv(text: str) -> Any:
    import io

    import pandas as pd

    return pd.read_csv(io.StringIO(text))["price"]


def price_in_matrix(matrix: Any) -> Any:
    return matrix[:, 1]


def same(frame: Any) -> Any:
    return frame


FORMATS = (
    Format("PandasOutput", same),
    Format("ParquetOutput", as_table, lambda loaded: loaded["price"].to_numpy()),
    Format("PolarsOutput", as_polars),
    Format("ArrowOutput", as_table, lambda loaded: loaded["price"].to_numpy()),
    Format("NumpyOutput", as_matrix, price_in_matrix),
    Format("NpzOutput", as_arrays),
    Format("SafetensorsOutput", as_arrays),
    Format("H5FileOutput", same),
    Format("BinaryOutput", same),
    Format("JoblibOutput", same),
    Format("MsgpackOutput", as_lists),
    Format("JSONOutput", as_lists),
    Format("TextOutput", as_csv, price_in_csv),
)


def frame_of(rows: int) -> Any:
    """Make the columns of a feature pipeline: numbers, times, prices of two digits, labels."""
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(1)
    labels = np.array([f"label {number}" for number in range(LABELS)])
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "price": chance.gamma(2, 50, rows).round(2),
            "quantity": chance.poisson(3, rows),
            "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(chance.integers(0, 90 * 86400, rows), unit="s"),
            "label": pd.Categorical(labels[chance.integers(0, LABELS, rows)]),
        }
    )


def store(output: Output[Any], value: Any) -> None:
    """Store it as its format is used."""
    if isinstance(output, formats.H5FileOutput):
        with output.open() as file:
            file.put("frame", value, format="table", track_times=False)
    else:
        output.store(value)


def load(output: Output[Any]) -> Any:
    """Load it as its format is used."""
    if isinstance(output, formats.H5FileOutput):
        with output.load() as file:
            return file["frame"]
    return output.load()


def run(setting: Setting) -> Iterator[Outcome]:
    try:
        frame = frame_of(setting.size(ROWS))
    except ImportError as error:
        yield Outcome("a frame in each format", "", skipped=f"{error}: pip install --group formats")
        return
    expected = float(frame["price"].sum())
    for title, unit, figure in (
        (f"size of a frame of {len(frame):,} rows", "MB", size_of),
        (f"storing a frame of {len(frame):,} rows", "ms", time_to_store),
        (f"loading a frame of {len(frame):,} rows, and adding up a column", "ms", time_to_load),
    ):
        measures: dict[str, Measure] = {
            which.name: partial(figure, which, which.shape(frame), expected) for which in FORMATS
        }
        yield Outcome(title, unit, contest(setting.rounds, setting.memory, measures))


def _output(which: Format, directory: Path) -> tuple[LocalStorage, Output[Any]]:
    storage = LocalStorage(directory)
    output: Output[Any] = Holder().build_output(getattr(formats, which.name), "frame", storage)
    return storage, output


def size_of(which: Format, value: Any, expected: float, directory: Path) -> float:
    """Measure its size, in MB."""
    storage, output = _output(which, directory)
    store(output, value)
    return storage.size(output.key) / 1e6


def time_to_store(which: Format, value: Any, expected: float, directory: Path) -> float:
    """Measure the time to store it, in ms."""
    _, output = _output(which, directory)
    watch = Stopwatch()
    store(output, value)
    watch.stop()
    return watch.seconds * 1e3


def time_to_load(which: Format, value: Any, expected: float, directory: Path) -> float:
    """Measure the time to load it and to add up a column, when mapped bytes are read, in ms."""
    _, output = _output(which, directory)
    store(output, value)
    watch = Stopwatch()
    total = float(sum_of(which.price(load(output))))
    watch.stop()
    if abs(total - expected) > 1e-6 * expected:
        raise Unfit(f"its prices add up to {total}, not {expected}")
    return watch.seconds * 1e3


def sum_of(column: Any) -> float:
    """The sum of a column, of whatever kind it is."""
    return column.sum() if hasattr(column, "sum") else sum(column)
