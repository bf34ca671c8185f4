"""Function tasks as users write them; mypy and pyright must have nothing to say, and agree on the types."""

from collections.abc import AsyncIterator, Generator, Iterator
from typing import assert_type

import alexflow
from alexflow import JSONOutput, Output, ResourceSpec, Retry, TaskOptions
from alexflow.formats import PandasOutput


@alexflow.task
def load(day: str, *, limit: int | None = None) -> list[int]:
    return [len(day), limit or 0]


@alexflow.task(format=JSONOutput)
def mean(numbers: Output[list[int]], scale: float = 1.0) -> float:
    values = numbers.load()
    assert_type(values, list[int])
    return scale * sum(values) / len(values)


@alexflow.task(retry=Retry(2), options=TaskOptions(timeout=3), resource_spec=ResourceSpec(), version=2, tags={"api"})
async def total(parts: list[Output[float]]) -> float:
    return sum([await part.aload() for part in parts])


@alexflow.task()
def each(count: int) -> Iterator[Output[float]]:
    for number in range(count):
        yield mean(load(str(number)))


@alexflow.task
def named(count: int) -> Generator[Output[float], None, str]:
    yield mean(load(str(count)))
    return "done"


@alexflow.task
async def later(count: int) -> AsyncIterator[Output[float]]:
    yield mean(load(str(count)))


monday = load("monday")
assert_type(monday, Output[list[int]])
assert_type(load(day="monday", limit=3), Output[list[int]])
assert_type(mean(monday), Output[float])
assert_type(mean(numbers=monday, scale=2), Output[float])
assert_type(mean(monday).load(), float)
assert_type(total([mean(monday)]), Output[float])
assert_type(each(3), Output[None])
assert_type(named(3), Output[str])
assert_type(later(3), Output[None])
assert_type(mean.task(monday, scale=2.0).task_id, str)
alexflow.run({"mean": mean(monday), "task": mean.task(monday)})
alexflow.task(format=PandasOutput, key="frame.parquet")
