"""Tasks that are computed again in tests. Their results depend on a file beside them, which no id shows."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alexflow import BinaryOutput, JSONOutput, Output, Task, TaskOptions
from alexflow.formats import DirectoryOutput, PandasOutput


@dataclass(frozen=True)
class Base(Task):
    settings: str  # a file
    options = TaskOptions(executor="thread")

    def read(self) -> Any:
        return json.loads(Path(self.settings).read_text())


@dataclass(frozen=True)
class Numbers(Base):
    def output(self) -> Any:
        return self.build_output(JSONOutput, key="numbers.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.read())


@dataclass(frozen=True)
class Table(Base):
    numbers: Output[Any]

    def input(self) -> Any:
        return self.numbers

    def output(self) -> Any:
        return self.build_output(PandasOutput, key="table.parquet")

    def run(self, input: Any, output: Any) -> None:
        output.store(pd.DataFrame({"x": np.array(input.load()["x"]) * 1.0, "y": self.read()["y"]}))


@dataclass(frozen=True)
class Pickled(Base):
    """Two files: an array in other bytes each time, and a directory."""

    def output(self) -> Any:
        return self.build_output(BinaryOutput, key="a.pkl"), self.build_output(DirectoryOutput, key="d")

    def run(self, input: Any, output: Any) -> None:
        settings = self.read()
        value = {"a": np.array(settings["x"]), "b": "text"}
        order = list(value)[:: settings.get("order", 1)]
        with output[0].open("wb") as file:
            pickle.dump({name: value[name] for name in order}, file)
        with output[1].path("w") as directory:
            (directory / "f.txt").write_text(str(settings["x"]))


@dataclass(frozen=True)
class Failing(Base):
    def output(self) -> Any:
        return self.build_output(JSONOutput, key="f.json")

    def run(self, input: Any, output: Any) -> None:
        if not self.read()["x"]:
            raise ValueError("nothing")
        output.store(1)
