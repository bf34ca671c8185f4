"""Features of customers: tasks whose outputs are computed when they are first read.

Worker processes import this module, so it imports neither the web framework nor the HTTP client.
"""

import asyncio
import logging
import random
from dataclasses import dataclass

from alexflow import JSONOutput, Output, Task, TaskOptions
from alexflow.formats import TextOutput

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Orders(Task):
    """Cheap: an ``async def run``, on the event loop."""

    customer: str

    def output(self) -> JSONOutput[list[float]]:
        return self.build_output(JSONOutput[list[float]], key="orders.json")

    async def run(self, input: None, output: JSONOutput[list[float]]) -> None:
        generator = random.Random(self.customer)  # another service would ask its database here
        await output.astore([round(generator.lognormvariate(3, 1), 2) for _ in range(20)])


@dataclass(frozen=True)
class Risk(Task):
    """CPU-bound: a plain ``def run``, in a worker process. What the worst of 20 years would cost, by simulation."""

    customer: str
    paths: int = 1_000
    options = TaskOptions(timeout=60)

    def input(self) -> Output[list[float]]:
        return Orders(self.customer).output()

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="risk.json")

    def run(self, input: Output[list[float]], output: JSONOutput[float]) -> None:
        logger.info("simulating %s", self.customer)  # appears in the service's log, with the task's id
        orders = input.load()
        generator = random.Random(self.customer)
        years = sorted(sum(generator.choices(orders, k=len(orders))) for _ in range(self.paths))
        output.store(round(years[len(years) // 20], 2))


@dataclass(frozen=True)
class Letter(Task):
    """Made part by part, as by a model that answers; readers get what there is."""

    customer: str

    def output(self) -> Output[str]:
        return self.build_output(TextOutput, key="letter.txt")

    async def run(self, input: None, output: Output[str]) -> None:
        for word in ("Dear ", self.customer, ", ", "thank ", "you."):
            await output.aappend(word)
            await asyncio.sleep(0.02)  # a model thinks here
