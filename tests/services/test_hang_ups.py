"""Clients that hang up, at real servers: what nobody waits for any more is not computed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from alexflow import Engine, MemoryStorage, RunFailed
from alexflow.asgi import ClientGone, while_connected
from alexflow.errors import DefinitionError
from tests.engine.workflows import BreaksOnLoop, Step
from tests.kit.fifo import Fifo
from tests.services.kit import get, hang_up, request, served
from tests.services.tasks import Endless, Held, Square, begun, ended

pytest.importorskip("uvicorn")

pytestmark = pytest.mark.anyio

#: Serves ``/endless/{n}`` and ``/step/{n}`` from an engine; notes what handlers raise.
MakeApp = Callable[[Engine, list[BaseException]], Any]


def starlette(engine: Engine, raised: list[BaseException]) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def endless(request: Request) -> Response:
        n = int(request.path_params["n"])
        return JSONResponse(await while_connected(request, engine.load(Endless(n).output())))

    async def step(request: Request) -> Response:
        n = int(request.path_params["n"])
        return JSONResponse(await while_connected(request, engine.load(Step(n).output())))

    def gone(request: Request, error: Exception) -> Response:
        raised.append(error)
        return Response(status_code=499)

    routes = [Route("/endless/{n}", endless), Route("/step/{n}", step)]
    return Starlette(routes=routes, exception_handlers={ClientGone: gone})


def fastapi(engine: Engine, raised: list[BaseException]) -> Any:
    from fastapi import FastAPI, Request
    from starlette.responses import Response

    app = FastAPI()

    async def endless(n: int, request: Request) -> int:
        return await while_connected(request, engine.load(Endless(n).output()))

    async def step(n: int, request: Request) -> int:
        return await while_connected(request, engine.load(Step(n).output()))

    def gone(request: Request, error: Exception) -> Response:
        raised.append(error)
        return Response(status_code=499)

    for path, handler in (("/endless/{n}", endless), ("/step/{n}", step)):
        handler.__annotations__["request"] = Request
        app.get(path)(handler)
    app.add_exception_handler(ClientGone, gone)
    return app


def litestar(engine: Engine, raised: list[BaseException]) -> Any:
    from litestar import Litestar, Request, Response
    from litestar import get as route

    async def endless(request: Any) -> int:
        n = request.path_params["n"]
        return await while_connected(request, engine.load(Endless(n).output()))

    async def step(request: Any) -> int:
        n = request.path_params["n"]
        return await while_connected(request, engine.load(Step(n).output()))

    def gone(request: Any, error: Exception) -> Any:
        raised.append(error)
        return Response(None, status_code=499)

    handlers = []
    for path, handler in (("/endless/{n:int}", endless), ("/step/{n:int}", step)):
        handler.__annotations__.update({"request": Request, "return": int})
        handlers.append(route(path)(handler))
    return Litestar(handlers, exception_handlers={ClientGone: gone})


def plain_asgi(engine: Engine, raised: list[BaseException]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        _, kind, n = scope["path"].split("/")
        task = {"endless": Endless, "step": Step}[kind](int(n))
        try:
            value = await while_connected(receive, engine.load(task.output()))
        except ClientGone as error:
            raised.append(error)
            return
        body = str(value).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


@asynccontextmanager
async def served_by_aiohttp(engine: Engine, raised: list[BaseException]) -> AsyncIterator[int]:
    from aiohttp import web

    async def endless(request: web.Request) -> web.Response:
        try:
            return web.json_response(await engine.load(Endless(int(request.match_info["n"])).output()))
        except asyncio.CancelledError as error:
            raised.append(error)
            raise

    async def step(request: web.Request) -> web.Response:
        return web.json_response(await engine.load(Step(int(request.match_info["n"])).output()))

    app = web.Application()
    app.add_routes([web.get("/endless/{n}", endless), web.get("/step/{n}", step)])
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # the server is on this loop
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("make", [starlette, fastapi, litestar, plain_asgi, served_by_aiohttp])
async def test_work_ends_with_its_last_client(make: MakeApp) -> None:
    pytest.importorskip({"served_by_aiohttp": "aiohttp", "plain_asgi": "uvicorn"}.get(make.__name__, make.__name__))
    raised: list[BaseException] = []
    async with Engine(MemoryStorage()) as engine:
        serving = make(engine, raised) if make is served_by_aiohttp else served(make(engine, raised))
        async with serving as port:
            status, body = await get(port, "/step/3")
            assert (status, body) == (200, b"3")
            assert await get(port, "/step/3") == (status, body)  # it exists
            clients = [await request(port, "/endless/1") for _ in range(3)]
            await until(lambda: begun == [1] and engine.stats().runs == 3)
            for _, writer in clients[:2]:
                hang_up(writer)
            await until(lambda: engine.stats().runs == 1)
            assert ended == []  # one still waits
            hang_up(clients[2][1])
            await until(lambda: ended == [1])
            assert (await get(port, "/step/4"))[1] == b"4"
        assert engine.stats().runs == 0
    assert len(raised) == 3


@pytest.mark.processes
async def test_two_hundred_clients_that_are_killed(place: str, fifo: Callable[[str], Fifo]) -> None:
    starlette_applications = pytest.importorskip("starlette.applications")
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    said, gate = fifo("told"), fifo("gate")

    async with Engine(place, workers=2) as engine:

        async def held(request: Request) -> Response:
            task = Held(int(request.path_params["n"]), said.path, gate.path)
            return JSONResponse(await while_connected(request, engine.load(task.output())))

        async def square(request: Request) -> Response:
            return JSONResponse(await while_connected(request, engine.load(Square(3).output())))

        routes = [Route("/held/{n}", held), Route("/square", square)]
        handlers = {ClientGone: lambda request, error: Response(status_code=499)}
        async with served(starlette_applications.Starlette(routes=routes, exception_handlers=handlers)) as port:
            clients = [await request(port, f"/held/{n}") for n in range(200)]
            await said.receive(2)
            await until(lambda: engine.stats().runs == 200)
            for _, writer in clients:
                hang_up(writer)
            assert await get(port, "/square") == (200, b"9")
        assert said.received() == []
        assert engine.stats().runs == 0


class Message:
    """A request that receives what it is given, and then waits."""

    def __init__(self, *types: str):
        self.types = list(types)

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.types:
            return {"type": self.types.pop(0)}
        await asyncio.Event().wait()
        raise AssertionError


async def test_work_that_need_not_wait_is_not_watched() -> None:
    request = Message("http.disconnect")

    async def quick() -> int:
        return 5

    assert await while_connected(request, quick()) == 5
    await asyncio.sleep(0)
    assert request.types == ["http.disconnect"]


async def test_the_error_of_the_work_is_raised() -> None:
    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(RunFailed):
            await while_connected(Message("http.request"), engine.run(BreaksOnLoop(1)))


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    working = asyncio.create_task(while_connected(Message("http.request"), asyncio.Event().wait()))
    await asyncio.sleep(0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_a_deadline_of_the_handler() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await while_connected(Message("http.request"), asyncio.Event().wait())
    with pytest.raises(ClientGone):
        async with asyncio.timeout(30):
            await while_connected(Message("http.request", "http.disconnect"), asyncio.Event().wait())
    await asyncio.sleep(0)  # nothing is left of the cancellation


async def test_a_request_that_is_none() -> None:
    class Request:
        """As that of another framework."""

    async def work() -> int:
        return 5

    with pytest.raises(DefinitionError, match="handler_cancellation=True"):
        await while_connected(Request(), work())  # type: ignore[arg-type]


@pytest.mark.parametrize("work", [None, 5, Step(1).output()], ids=repr)
async def test_work_that_cannot_be_awaited(work: Any) -> None:
    with pytest.raises(DefinitionError, match=r"work that can be awaited, such as engine\.load\(output\), not "):
        await while_connected(Message("http.request"), work)


async def test_a_websocket_that_is_closed() -> None:
    with pytest.raises(ClientGone):
        await while_connected(Message("websocket.receive", "websocket.disconnect"), asyncio.Event().wait())


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
async def test_what_receive_raises_ends_neither_the_work_nor_the_loop(kind: type[BaseException]) -> None:
    asked = asyncio.Event()

    async def receive() -> dict[str, Any]:
        asked.set()
        raise kind

    async def work() -> int:
        await asked.wait()
        await asyncio.sleep(0)
        return 5

    assert await while_connected(receive, work()) == 5


async def test_a_middleware_that_gives_the_body_again_and_again() -> None:
    """As the usual recipe for reading a body twice does: without ever waiting."""
    given = 0

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += 1
        if given > 1000:
            raise AssertionError("the loop has been held")
        return {"type": "http.request", "body": b"x", "more_body": False}

    assert await while_connected(receive, asyncio.sleep(0.01, 5)) == 5
    assert given == 2
