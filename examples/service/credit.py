"""A feature that another company's API gives, which answers a limited number of requests per second."""

from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp

from alexflow import JSONOutput, Retry, Task, TaskOptions
from alexflow.errors import RetryAfter
from alexflow.limits import RateLimit

#: The tag of all tasks that call the API, and how often they may start: by all services on one storage together.
TAG = "credit-api"
LIMIT = RateLimit(50, per=1.0, burst=5)

#: Tasks on the event loop see the context in which their engine was opened, so they share this client.
api: ContextVar[aiohttp.ClientSession] = ContextVar("api")


@dataclass(frozen=True)
class CreditScore(Task):
    customer: str
    tags = {TAG}  # noqa: RUF012
    retry = Retry(2, jitter=0.2)
    options = TaskOptions(timeout=5)

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="credit.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        async with api.get().get(f"/scores/{self.customer}") as response:
            if response.status == 429:  # somebody else uses our quota: all tasks of the tag pause, and none fails
                raise RetryAfter(float(response.headers["Retry-After"]))
            response.raise_for_status()
            await output.astore((await response.json())["score"])
