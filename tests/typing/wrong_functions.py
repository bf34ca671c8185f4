"""Uses that must not pass: each line with ``# error`` is one for mypy and for pyright, and no other line is."""

import alexflow
from alexflow import JSONOutput, Output, Retry


@alexflow.task
def load(day: str, *, limit: int | None = None) -> list[int]:
    return [len(day), limit or 0]


@alexflow.task(format=JSONOutput)
def mean(numbers: Output[list[int]], scale: float = 1.0) -> float:
    return sum(numbers.load()) * scale


@alexflow.task
async def total(parts: list[Output[float]]) -> float:
    return sum([await part.aload() for part in parts])


monday = load("monday")
load(1)  # error
load()  # error
load("monday", 3)  # error: keyword-only
load("monday", limits=3)  # error
mean(mean(monday))  # error: an Output[float] where an Output[list[int]] is wanted
mean([1, 2])  # error: a value where an output is wanted
mean(monday, "2")  # error
mean(monday, scales=2.0)  # error
mean.task(mean(monday))  # error
total([monday])  # error
total(mean(monday))  # error
text: Output[str] = mean(monday)  # error
number: float = mean(monday)  # error: an output is no value
alexflow.task(format=int)  # error
alexflow.task(retry=3)  # error
alexflow.task(retries=Retry(3))  # error
alexflow.task(3)  # error
