"""Uses of formats as users write them; mypy and pyright must have nothing to say, and agree on the types."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, assert_type

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from alexflow import Output, Task, formats, legacy

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frame(Task):
    values: Output[Floats]

    def input(self) -> Output[Floats]:
        return self.values

    def output(self) -> formats.PandasOutput:
        return self.build_output(formats.PandasOutput, key="frame.parquet", compression="snappy")

    def run(self, input: Output[Floats], output: formats.PandasOutput) -> None:
        values = input.load()
        assert_type(values, Floats)
        output.store(pd.DataFrame({"value": values}))


@dataclass(frozen=True)
class Values(Task):
    def output(self) -> formats.NumpyOutput[Floats]:
        return self.build_output(formats.NumpyOutput[Floats], key="values.npy")

    async def run(self, input: None, output: formats.NumpyOutput[Floats]) -> None:
        await output.astore(np.zeros(3))


@dataclass(frozen=True, eq=False, repr=False)
class LinesOutput(formats.FileOutput[list[str]]):
    def write_to(self, value: list[str], file: BinaryIO) -> None:
        file.writelines(line.encode() for line in value)

    def read_from(self, file: BinaryIO) -> list[str]:
        return [line.decode() for line in file]


frame = Frame(Values().output())
assert_type(frame.output().load(columns=["value"]), pd.DataFrame)
build = frame.build_output
assert_type(build(formats.ParquetOutput, "a").load(filters=[("value", ">", 1)]), pa.Table)
assert_type(build(formats.ArrowOutput, "a").load(), pa.Table)
assert_type(build(formats.PolarsOutput, "a").load(), pl.DataFrame)
assert_type(build(formats.TextOutput, "a").load(), str)
assert_type(build(formats.BytesOutput, "a").load(), bytes)
assert_type(build(formats.MsgpackOutput[dict[int, str]], "a").load(), dict[int, str])
assert_type(build(formats.NpzOutput[Floats], "a").load()["x"], Floats)
assert_type(build(formats.SafetensorsOutput[NDArray[np.float32]], "a").load()["x"], NDArray[np.float32])
assert_type(build(formats.JoblibOutput[int], "a", compress=9).load(), int)
assert_type(build(legacy.BinaryDatasetOutput, "a").load(), legacy.Dataset)
assert_type(build(legacy.BinaryPredictionOutput, "a").load().get("bias"), Any)
assert_type(build(LinesOutput, "a").load(), list[str])

with build(formats.H5FileOutput, "a").load() as store:
    assert_type(store, pd.HDFStore)
with build(formats.DirectoryOutput, "a").load() as directory:
    assert_type(directory, Path)
build(formats.DirectoryOutput, "a").store("checkpoint")

output = build(formats.BytesOutput, "a")
assert_type(output.open(), BinaryIO)
assert_type(output.open("wb"), AbstractContextManager[BinaryIO])
with output.path("w") as path:
    assert_type(path, Path)


async def stream() -> None:
    async with output.aopen() as file:
        assert_type(await file.read(10), bytes)
    async with output.aopen("wb") as target:
        await target.write(b"1")
    async with output.apath() as path:
        assert_type(path, Path)
    assert_type(await frame.output().aload(), pd.DataFrame)
