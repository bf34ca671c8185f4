"""One value for each format, with what a task of it looks like."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from alexflow import Output, Task, formats, legacy

ROWS = 1000

#: Formats that only alexflow.legacy has.
OF_1X = ("BinaryDatasetOutput", "BinaryPredictionOutput")


def format_named(name: str) -> Any:
    """The class of that name."""
    return getattr(legacy if name in OF_1X else formats, name)


@dataclass(frozen=True)
class Made(Task):
    """Stores the example of a format."""

    name: str

    def output(self) -> Any:
        return self.build_output(format_named(self.name), key=f"below/value.{self.name.lower()}")

    def run(self, input: None, output: Any) -> None:
        output.store(example(self.name))


@dataclass(frozen=True)
class MadeOnLoop(Made):
    """The same on the event loop."""

    async def run(self, input: None, output: Any) -> None:  # type: ignore[override]
        await output.astore(example(self.name))


@dataclass(frozen=True)
class Failed(Made):
    """Stores it, and then fails."""

    def run(self, input: None, output: Any) -> None:
        super().run(input, output)
        assert output.exists()
        raise ArithmeticError("after it was stored")


@dataclass(frozen=True)
class Copied(Task):
    """Stores what is loaded."""

    value: Output[Any]

    def input(self) -> Any:
        return self.value

    def output(self) -> Any:
        return self.build_output(type(self.value), key="copy")

    def run(self, input: Any, output: Any) -> None:
        output.store(input.load())


def example(name: str) -> Any:
    return EXAMPLES[name][0]()


def equal(name: str, value: Any) -> bool:
    """Whether it is what was stored."""
    return bool(EXAMPLES[name][1](value, example(name)))


def array() -> Any:
    import numpy as np

    return np.arange(ROWS * 3, dtype=np.float32).reshape(ROWS, 3)


def arrays() -> Any:
    return {"x": array(), "y/z": array()[:, 0].copy(), "file": array()[:0].copy()}


def same_array(one: Any, other: Any) -> bool:
    import numpy as np

    return one.dtype == other.dtype and np.array_equal(one, other)


def same_arrays(one: Any, other: Any) -> bool:
    return set(one) == set(other) and all(same_array(one[name], other[name]) for name in other)


def columns() -> dict[str, Any]:
    return {"n": list(range(ROWS)), "x": [n / 7 for n in range(ROWS)], "name": [f"é{n}" for n in range(ROWS)]}


def table() -> Any:
    import pyarrow as pa

    return pa.table({**columns(), "day": [date(2026, 1, 1 + n % 28) for n in range(ROWS)]})


def pandas_frame() -> Any:
    import pandas as pd

    days = pd.date_range("2026-01-01", periods=ROWS, freq="h", name="time")
    frame = pd.DataFrame(columns(), index=days)
    frame["kind"] = pd.Categorical(["a", "b"] * (ROWS // 2))
    return frame


def same_pandas_frame(one: Any, other: Any) -> bool:
    import pandas as pd

    pd.testing.assert_frame_equal(one, other, check_freq=False)
    return True


def polars_frame() -> Any:
    import polars as pl

    return pl.DataFrame({**columns(), "day": [date(2026, 1, 1 + n % 28) for n in range(ROWS)]})


def dataset() -> Any:
    return legacy.Dataset(X={"a": pandas_frame()}, Y=pandas_frame()["x"])


def same_dataset(one: Any, other: Any) -> bool:
    assert type(one) is type(other)
    return same_pandas_frame(one.X["a"], other.X["a"]) and bool((one.Y == other.Y).all())


def predictions() -> Any:
    return legacy.PredictionSet((legacy.PredictionValue(array()), legacy.Bias(1.5)))


def same_predictions(one: Any, other: Any) -> bool:
    assert [type(part) for part in one.components] == [type(part) for part in other.components]
    return same_array(one.get("prediction_value"), other.get("prediction_value")) and one.get("bias") == 1.5


def sparse() -> Any:
    import scipy.sparse

    return scipy.sparse.random_array((ROWS, 30), density=0.1, format="csr", rng=1)


def same_sparse(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one.dtype == other.dtype and (one != other).nnz == 0


def weights() -> Any:
    import torch

    state = {"weight": torch.arange(ROWS * 3, dtype=torch.float32).reshape(ROWS, 3), "bias": torch.zeros(3)}
    return {"model": state, "step": 7, "losses": [0.5, 0.25]}


def same_weights(one: Any, other: Any) -> bool:
    import torch

    assert (one["step"], one["losses"]) == (other["step"], other["losses"])
    return all(torch.equal(one["model"][name], tensor) for name, tensor in other["model"].items())


def diverged() -> Any:
    return {**plain(), "loss": [float("nan"), float("inf"), -float("inf")]}


def same_diverged(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


def plain() -> Any:
    return {"a": [1, 2.5, None, True, "é"], "b": {"c": [[]]}}


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


#: By format: what makes a value, and what tells whether two are the same. Without those that are no values (files that
#: are opened, directories).
EXAMPLES: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], bool]]] = {
    "BinaryOutput": (lambda: {1: {2, 3}, "b": (4,)}, same),
    "JSONOutput": (plain, same),
    "SerializableOutput": (lambda: Made("TextOutput"), same),
    "MsgpackOutput": (lambda: {**plain(), "bytes": b"\0", "numbers": {1: 2}}, same),
    "JSONLinesOutput": (lambda: [plain(), 1, None, "one\ntwo"], same),
    "TextOutput": (lambda: "one\r\ntwo\né", same),
    "BytesOutput": (lambda: bytes(range(256)), same),
    "NumpyOutput": (array, same_array),
    "NpzOutput": (arrays, same_arrays),
    "SafetensorsOutput": (arrays, same_arrays),
    "ParquetOutput": (table, lambda one, other: one.equals(other)),
    "ArrowOutput": (table, lambda one, other: one.equals(other)),
    "PandasOutput": (pandas_frame, same_pandas_frame),
    "PolarsOutput": (polars_frame, lambda one, other: one.equals(other)),
    "JSONNaNOutput": (diverged, same_diverged),
    "SparseOutput": (sparse, same_sparse),
    "TorchOutput": (weights, same_weights),
    "JoblibOutput": (lambda: {"model": array()}, lambda one, other: same_arrays(one, other)),
    "BinaryDatasetOutput": (dataset, same_dataset),
    "BinaryPredictionOutput": (predictions, same_predictions),
}


#: Libraries that few environments have, by the formats that need them: their examples are left out without.
RARE = {"SparseOutput": "scipy", "TorchOutput": "torch"}

for _name, _library in RARE.items():
    if importlib.util.find_spec(_library) is None:
        del EXAMPLES[_name]
