"""Tasks for :mod:`tests.legacy.test_running`, with the imports of 1.x."""

from dataclasses import dataclass
from typing import ClassVar

from alexflow.core import BinaryOutput, NoDefaultVar, Output, Task, no_default
from alexflow.coreml import BuildDatasetOp, Dataset


@dataclass(frozen=True)
class Spied(Task):
    number: NoDefaultVar[int] = no_default
    seen: ClassVar[list[int]] = []

    def output(self):
        return self.build_output(BinaryOutput, key="number.pkl")

    def run(self, input, output):
        self.seen.append(self.number)
        output.store(self.number)


@dataclass(frozen=True)
class Limited(Task):
    number: NoDefaultVar[int] = no_default
    log: NoDefaultVar[str] = no_default

    @property
    def tags(self):
        return {"r"}

    def output(self):
        return self.build_output(BinaryOutput, key="number.pkl")

    def run(self, input, output):
        with open(self.log, "a", buffering=1) as log:
            log.write(f"begin {self.number}\n")
            output.store(self.number)
            log.write(f"end {self.number}\n")


@dataclass(frozen=True)
class Failing(Task):
    def output(self):
        return self.build_output(BinaryOutput, key="never.pkl")

    def run(self, input, output):
        output.store(1 / 0)


@dataclass(frozen=True)
class Lines(Output):
    """An output of a user's own, as 1.x has them."""

    def store(self, data):
        with self.storage.path(self.key, mode="w") as path, open(path, "w") as file:
            file.writelines(f"{line}\n" for line in data)

    def load(self):
        with self.storage.path(self.key, mode="r") as path, open(path) as file:
            return file.read().splitlines()


@dataclass(frozen=True)
class Written(Task):
    parts: NoDefaultVar[list[Output]] = no_default

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(Lines, key="lines.txt")

    def run(self, input, output):
        output.store([*(line for part in input for line in part.load()), "last"])


@dataclass(frozen=True)
class Built(BuildDatasetOp):
    size: NoDefaultVar[int] = no_default

    def run(self, input, output):
        import numpy

        output.main.store(Dataset(X=numpy.ones((self.size, 2)), Y=numpy.zeros(self.size)))
        output.metadata.store({"size": self.size})
