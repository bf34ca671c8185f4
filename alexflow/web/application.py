"""``app``: the live page as an ASGI application, to be served alone or mounted in one's own."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from itertools import islice
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from alexflow.cards.card import Card
from alexflow.cards.kept import cards_of_run, cards_of_task
from alexflow.engine.engine import Engine
from alexflow.errors import AlexflowError, AmbiguousKey, DefinitionError, NotRecorded
from alexflow.record import Entry, Explanation, Record
from alexflow.record.conditions import read_search
from alexflow.record.fields import source_digests
from alexflow.record.run_record import shell_line
from alexflow.record.unknown_names import unknown_name
from alexflow.report.cards import digest_of
from alexflow.report.details import field_texts
from alexflow.report.writing import report_page
from alexflow.storage import LocalStorage, Storage, open_storage
from alexflow.web import pages
from alexflow.web.engine_questions import EngineQuestions
from alexflow.web.guard import LOOPBACK_HOSTS, Guard
from alexflow.web.mounting import Mounting
from alexflow.web.observer import Observer

with suppress(ModuleNotFoundError):  # of another version of anyio
    import anyio._backends._asyncio  # noqa: F401 - else the first StreamingResponse imports it, on the loop

_ASSETS = {"page.css": "text/css", "timeline.js": "text/javascript", "live.js": "text/javascript"}


def app(
    source: Engine | Storage | str | os.PathLike[str] | None = None, *, hosts: Iterable[str] = LOOPBACK_HOSTS
) -> Starlette:
    """Return an application that shows the runs of a storage, those that go on included; it only reads.

    ::

        uvicorn.run(alexflow.web.app("results"), port=8200)  # alone
        Starlette(routes=[Mount("/alexflow", alexflow.web.app(engine, hosts=["example.org"]))])  # in one's own

    It asks the record and, of an engine, what it has under way, and imports no code of tasks. An engine's record is
    folded in a process of its own, which is there from the first request on. It has no users or passwords: access is
    for the application that it is mounted in to decide.

    Args:
        source: an engine of this process, a storage, its path or URL; by default as for :class:`~alexflow.Engine`.
        hosts: the names under which it may be asked, whatever the port. Requests with another ``Host``, or from the
            scripts of another site, are refused.

    Raises:
        DefinitionError: ``hosts`` is one text, of which each letter would be a host.
    """
    if isinstance(hosts, str):
        raise DefinitionError(f"app(hosts=…) is a list of names, such as [{hosts!r}], not a text")
    questions = None
    if isinstance(source, Engine):
        questions, storage = EngineQuestions(source), source.storage
    else:
        storage = open_storage(source)
    page = _LivePage(storage, Observer(storage, questions))
    routes = [
        Route("/", page.runs),
        Route("/runs/{run}", page.run),
        Route("/runs/{run}/events", page.events),
        Route("/runs/{run}/report", page.report),
        Route("/runs/{run}/cards", page.cards),
        Route("/tasks/{key:path}", page.task),
        Route("/search", page.search),
        Route("/assets/{name}", page.asset),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Mounting), Middleware(Guard, hosts=tuple(hosts))])


class _LivePage:
    """Answers requests."""

    def __init__(self, storage: Storage, observer: Observer):
        self._storage = storage
        self._observer = observer

    async def runs(self, request: Request) -> Response:
        return HTMLResponse(await self._observer.runs_page(_base(request)))

    async def run(self, request: Request) -> Response:
        page = await self._observer.run_page(_base(request), request.path_params["run"])
        if page is None:
            return _not_found(request, f"There is no run {request.path_params['run']}.")
        return HTMLResponse(page)

    async def events(self, request: Request) -> Response:
        run = request.path_params["run"]
        if not await self._observer.has(run):
            return Response(status_code=204)  # so that a browser does not come again
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._observer.stream(run), media_type="text/event-stream", headers=headers)

    async def report(self, request: Request) -> Response:
        run = request.path_params["run"]
        if not await self._observer.has(run):
            return _not_found(request, f"There is no run {run}.")
        page = await asyncio.to_thread(report_page, self._storage, run)
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy is not None
        return HTMLResponse(page, headers={"Content-Security-Policy": policy[1].replace("&#x27;", "'")})

    async def cards(self, request: Request) -> Response:
        run = request.path_params["run"]
        if not await self._observer.has(run):
            return _not_found(request, f"There is no run {run}.")
        return HTMLResponse(await asyncio.to_thread(self._cards_page, _base(request), run))

    async def task(self, request: Request) -> Response:
        key = request.path_params["key"]
        try:
            found = await asyncio.to_thread(self._looked_up, key)
        except AmbiguousKey as error:
            return _not_found(request, str(error))
        except NotRecorded:
            return await self._failed_task(request, key)
        return HTMLResponse(pages.task_page(_base(request), *found))

    async def _failed_task(self, request: Request, key: str) -> Response:
        """Answer for a task that has never succeeded: the record of outputs has nothing of it, that of runs has."""
        found = await self._observer.failed_attempts(key)
        if found is None:
            return _not_found(request, f"The record has nothing of {key}.")
        run, attempts = found
        digest = digest_of(attempts[0].task_id)
        texts = await asyncio.to_thread(field_texts, self._storage, run.id, {digest})
        return HTMLResponse(pages.failed_task_page(_base(request), run, attempts, texts.get(digest, "")))

    def _cards_page(self, base: str, run: str) -> str:
        tasks = list(cards_of_run(self._storage, run))
        fields = field_texts(self._storage, run, {digest_of(task_id) for task_id, _ in tasks})
        return pages.cards_page(base, run, tasks, fields)

    def _looked_up(self, key: str) -> tuple[Entry, Explanation | None, set[str], list[Card], str]:
        record = Record(self._storage)
        entry = record.entry(key)
        present = set(self._storage.exists_many([output.key for output in entry.outputs]))
        try:
            explanation = record.explain(key)
        except AlexflowError:
            explanation = None
        cards = cards_of_task(self._storage, entry.task_id, entry.run_id or "")
        return entry, explanation, present, cards, self._again(record, entry)

    def _again(self, record: Record, entry: Entry) -> str:
        """Return the line for a shell that makes a task again: its program, where only that knows where a source is."""
        if not source_digests(entry.fields):
            key, storage = shlex.quote(entry.key or entry.task_id), shlex.quote(_named(self._storage))
            return f"alexflow run {key} --force --storage {storage}"
        try:
            run = record.run(entry.run_id)
        except NotRecorded:
            return ""
        return shell_line(run.command, run.directory)

    async def search(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()
        found, problem = await asyncio.to_thread(self._found, words)
        if not found and words and await self._observer.failed_attempts(words) is not None:
            return RedirectResponse(f"{_base(request)}/tasks/{quote(words, safe='')}", 303)
        return HTMLResponse(pages.search_page(_base(request), words, found, problem))

    def _found(self, words: str) -> tuple[list[Entry], str]:
        """The tasks of a class, with some fields, or whose id begins so."""
        record = Record(self._storage)
        try:
            cls, wanted = read_search(_split(words))
            found = list(islice(record.entries_that(cls, wanted), pages.MOST_ROWS_SHOWN))
            if not found and cls is not None and not wanted:
                found = [record.entry(cls)]
            return found, "" if found else unknown_name(record, cls, wanted)
        except AlexflowError as error:
            return [], str(error)

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        kind = _ASSETS.get(name)
        if kind is None:
            return Response(status_code=404)
        package = "alexflow.web" if name == "live.js" else "alexflow.report"
        text = await asyncio.to_thread(files(package).joinpath(name).read_text, "utf-8")
        return Response(text, media_type=kind, headers={"Cache-Control": "no-cache"})


def _split(words: str) -> list[str]:
    """Split what was searched for as a shell would, or at spaces where quotes are not in pairs."""
    try:
        return shlex.split(words)
    except ValueError:
        return words.split()


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


def _named(storage: Storage) -> str:
    place = storage.base_path if isinstance(storage, LocalStorage) else getattr(storage, "url", None)
    return str(place or storage)


def _not_found(request: Request, text: str) -> Response:
    return HTMLResponse(pages.message_page(_base(request), "Not found", text), status_code=404)
