"""Function tasks that other processes can import."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TypedDict

import alexflow
from alexflow import BinaryOutput, JSONOutput, Output, ResourceSpec, Retry, TaskOptions
from alexflow.formats import DirectoryOutput


class Row(TypedDict):
    name: str
    counts: list[int]


@alexflow.task
def load(day: str, *, limit: int | None = None) -> list[int]:
    """Load the numbers of a day."""
    return [len(day), 2, 3][:limit]


@alexflow.task(format=JSONOutput)
def mean(numbers: Output[list[int]], scale: float = 1.0) -> float:
    values = numbers.load()
    return scale * sum(values) / len(values)


@alexflow.task
async def total(parts: list[Output[float]], *, more: dict[str, tuple[Output[float], int]] | None = None) -> float:
    values = [await part.aload() for part in parts]
    for part, factor in (more or {}).values():
        values.append(factor * await part.aload())
    return sum(values)


@alexflow.task
def each_day(count: int) -> Iterator[Output[float]]:
    yield [mean(load("x" * number)) for number in range(count)]  # type: ignore[misc]
    yield mean.task(load("y"))  # type: ignore[misc]


@alexflow.task
def summary(days: list[str]) -> Generator[Output[float], None, Row]:
    for day in days:
        yield mean(load(day))
    return {"name": "summary", "counts": [len(day) for day in days]}


@alexflow.task
async def later(count: int) -> AsyncIterator[Output[float]]:
    for number in range(count):
        yield mean(load("z" * number))


@alexflow.task
def yields_wrong(count: int) -> Iterator[Output[float]]:
    yield count  # type: ignore[misc]


@alexflow.task(
    format=BinaryOutput,
    key="pid.pkl",
    version=3,
    task_name="the.process",
    options=TaskOptions(executor="thread", timeout=30),
    retry=Retry(2),
    resource_spec=ResourceSpec(gpu=1),
    tags={"api"},
)
def process(n: int) -> set[int]:
    return {os.getpid(), n}


@alexflow.task
def fails(n: int) -> int:
    raise ValueError(f"cannot do {n}")


@alexflow.task
def returns_wrong(n: int) -> list[int]:
    return (n,)  # type: ignore[return-value]


@alexflow.task(format=DirectoryOutput)
def directory(path: str, text: str) -> str:
    os.makedirs(path)
    with open(f"{path}/a.txt", "w") as file:
        file.write(text)
    return path


@alexflow.task
def either(value: Output[float] | float) -> float:
    return value.load() if isinstance(value, Output) else value


def load_monday() -> Output[list[int]]:
    return load("monday")
