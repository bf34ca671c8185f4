"""Fetch 2,000 pages, parse each, count words over all: async tasks for the network, worker processes for the counting.

    python examples/pages.py

The pages come from a small HTTP server that the example starts for itself on the loopback interface. The server takes
half a second for each answer, as servers do that are far away, and counts how many requests are open at once.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TypedDict

import aiohttp
from aiohttp import web

import alexflow
from alexflow import JSONOutput, Output, Retry, Task

PAGES = 2_000
PAGES_PER_COUNT = 100
REQUESTS_AT_ONCE = 256
SERVER_TAKES = 0.5  # seconds

#: Tasks on the event loop see the context in which their engine was opened, so they can share a client.
client: ContextVar[aiohttp.ClientSession] = ContextVar("client")


@dataclass(frozen=True)
class Fetch(Task):
    path: str
    server: str = field(compare=False)  # the same page wherever it is served
    retry = Retry(2, jitter=0.2)
    tags = {"http"}  # noqa: RUF012  # limited by limits= below

    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput[str], key="page.json")

    async def run(self, input: None, output: JSONOutput[str]) -> None:
        async with client.get().get(self.server + self.path) as response:
            response.raise_for_status()
            await output.astore(await response.text())


class Parsed(TypedDict):
    title: str
    words: list[str]


@dataclass(frozen=True)
class Parse(Task):
    """Small enough to be done on the event loop."""

    page: Output[str]

    def input(self) -> Output[str]:
        return self.page

    def output(self) -> JSONOutput[Parsed]:
        return self.build_output(JSONOutput[Parsed], key="parsed.json")

    async def run(self, input: Output[str], output: JSONOutput[Parsed]) -> None:
        parser = Paragraphs()
        parser.feed(await input.aload())
        await output.astore({"title": parser.title, "words": parser.words})


@dataclass(frozen=True)
class Count(Task):
    """Words of some pages; a plain ``def run``, so it runs in a worker process."""

    pages: list[Output[Parsed]]

    def input(self) -> list[Output[Parsed]]:
        return self.pages

    def output(self) -> JSONOutput[dict[str, int]]:
        return self.build_output(JSONOutput[dict[str, int]], key="counts.json")

    def run(self, input: list[Output[Parsed]], output: JSONOutput[dict[str, int]]) -> None:
        counts: Counter[str] = Counter()
        for page in input:
            counts.update(page.load()["words"])
        output.store(dict(counts))


@dataclass(frozen=True)
class Total(Task):
    counts: list[Output[dict[str, int]]]

    def input(self) -> list[Output[dict[str, int]]]:
        return self.counts

    def output(self) -> JSONOutput[dict[str, int]]:
        return self.build_output(JSONOutput[dict[str, int]], key="total.json")

    def run(self, input: list[Output[dict[str, int]]], output: JSONOutput[dict[str, int]]) -> None:
        total: Counter[str] = Counter()
        for counts in input:
            total.update(counts.load())
        output.store(dict(total))


class Paragraphs(HTMLParser):
    """The title, and the words of all paragraphs."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.words: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data.strip()
        elif self._inside == "p":
            self.words += data.split()


def plan(server: str) -> Total:
    pages: list[Output[Parsed]] = [Parse(Fetch(f"/page/{number}", server).output()).output() for number in range(PAGES)]
    starts = range(0, PAGES, PAGES_PER_COUNT)
    return Total([Count(pages[start : start + PAGES_PER_COUNT]).output() for start in starts])


async def main() -> None:
    parser = argparse.ArgumentParser(description="Count the words of many pages.")
    parser.add_argument("--storage", default=".alexflow", help="where results are kept (default: %(default)s)")
    arguments = parser.parse_args()

    async with page_server() as server, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        client.set(session)
        result = await alexflow.arun(
            plan(server), storage=arguments.storage, limits={"http": REQUESTS_AT_ONCE}, progress=True
        )
        async with session.get(f"{server}/statistics") as response:
            statistics = await response.json()

    print(f"{PAGES} pages: {result}")
    print(f"The server answered {statistics['answered']} requests, {statistics['peak']} of them open at once.")
    counts = Counter(await result.output.aload())
    print("The most frequent words:", ", ".join(f"{word} {count}" for word, count in counts.most_common(5)))


# -- the server, which a real pipeline would not bring along

WORDS = ["task", "output", "key", "storage", "engine", "event", "worker", "result", "value", "graph", "cache", "run"]


@asynccontextmanager
async def page_server() -> AsyncIterator[str]:
    """Start this file again as a server; gives its address."""
    server = await asyncio.create_subprocess_exec(sys.executable, __file__, "serve", stdout=asyncio.subprocess.PIPE)
    try:
        assert server.stdout is not None
        yield (await server.stdout.readline()).decode().strip()
    finally:
        server.terminate()
        await server.wait()


async def serve() -> None:
    open_now = peak = answered = 0

    async def page(request: web.Request) -> web.Response:
        nonlocal open_now, peak, answered
        open_now += 1
        peak = max(peak, open_now)
        await asyncio.sleep(SERVER_TAKES)
        open_now -= 1
        answered += 1
        number = int(request.match_info["number"])
        text = " ".join(random.Random(number).choices(WORDS, weights=range(len(WORDS), 0, -1), k=200))
        return web.Response(text=f"<title>Page {number}</title><p>{text}</p>", content_type="text/html")

    async def statistics(request: web.Request) -> web.Response:
        return web.json_response({"peak": peak, "answered": answered})

    app = web.Application()
    app.add_routes([web.get("/page/{number}", page), web.get("/statistics", statistics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else main())
