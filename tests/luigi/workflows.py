"""Tasks of luigi and of alexflow that need each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import luigi

from alexflow import DynamicTask, JSONOutput, Output, Task


class Count(luigi.Task):
    place = luigi.Parameter()
    upto = luigi.IntParameter()
    verbose = luigi.BoolParameter(default=False, significant=False)

    def output(self):
        return luigi.LocalTarget(f"{self.place}/count-{self.upto}.json")

    def run(self):
        with open(f"{self.place}/luigi.log", "a") as log:
            log.write(f"count {self.upto}\n")
        with self.output().open("w") as file:
            json.dump(list(range(self.upto)), file)


class Halves(luigi.Task):
    place = luigi.Parameter()
    upto = luigi.IntParameter()

    def requires(self):
        return Count(self.place, self.upto)

    def output(self):
        return {
            "even": luigi.LocalTarget(f"{self.place}/even.json"),
            "odd": [luigi.LocalTarget(f"{self.place}/odd.json")],
        }

    def run(self):
        with self.input().open() as file:
            numbers = json.load(file)
        with self.output()["even"].open("w") as file:
            json.dump(numbers[::2], file)
        with self.output()["odd"][0].open("w") as file:
            json.dump(numbers[1::2], file)


class Broken(luigi.Task):
    place = luigi.Parameter()

    def output(self):
        return luigi.LocalTarget(f"{self.place}/never")

    def run(self):
        raise ValueError("luigi's own fault")


@dataclass(frozen=True)
class Total(Task):
    numbers: Any

    def input(self):
        return self.numbers

    def output(self):
        return self.build_output(JSONOutput[int], key="total.json")

    def run(self, input, output):
        with input.load().open() as file:
            output.store(sum(json.load(file)))


@dataclass(frozen=True)
class One(Task):
    number: int
    log: str

    def output(self):
        return self.build_output(JSONOutput[int], key="one.json")

    def run(self, input, output):
        with Path(self.log).open("a") as log:
            log.write(f"{self.number}\n")
        output.store(self.number)


@dataclass(frozen=True)
class Sum(Task):
    parts: tuple[Output[int], ...]

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(JSONOutput[int], key="sum.json")

    async def run(self, input, output):
        await output.astore(sum([await part.aload() for part in input]))


@dataclass(frozen=True)
class Made(Task):
    number: int
    target: Output[int]

    def output(self):
        return self.target

    def run(self, input, output):
        output.store(self.number)


@dataclass(frozen=True)
class Spreads(DynamicTask):
    """Has no outputs, and gives its tasks one after the other, on the event loop."""

    parent: Output[int]
    log: str

    def input(self):
        return self.parent

    async def generate(self, input, output):
        for number in range(await input.aload()):
            yield One(number, self.log)


@dataclass(frozen=True)
class Decides(DynamicTask):
    parent: Output[int]

    def input(self):
        return self.parent

    def output(self):
        return self.build_output(JSONOutput[int], key="decided.json")

    def generate(self, input, output):
        return Made(input.load() * 10, self.output())
