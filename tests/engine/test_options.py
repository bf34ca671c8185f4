"""The keywords of ``Engine``, ``arun`` and ``run`` are the same ones."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import alexflow
from alexflow import Engine, LocalStorage, MemoryStorage, Storage, Workers
from alexflow.engine import keywords, options
from alexflow.engine.executor_choice import ExecutorChoice
from alexflow.engine.keywords import EngineOptions, LoadKeywords, RequestKeywords, RunOptions
from alexflow.engine.options import ENGINE_OPTIONS, LOAD_KEYWORDS, REQUEST_KEYWORDS, RUN_OPTIONS
from alexflow.errors import DefinitionError
from alexflow.graph import Forceable
from alexflow.limits import Queue, RateLimit
from alexflow.storage import MemoryCache
from tests.engine.workflows import Step

pytestmark = pytest.mark.anyio

#: Those of the module, and those that it has for type checkers only.
NAMES = {
    **vars(options),
    **vars(keywords),
    "Storage": Storage,
    "Forceable": Forceable,
    "Workers": Workers,
    "Queue": Queue,
    "RateLimit": RateLimit,
    "ExecutorChoice": ExecutorChoice,
    "MemoryCache": MemoryCache,
}

#: Where ``run`` writes a report.
HTML = str | os.PathLike[str] | None


def keywords_of(function: object) -> dict[str, object]:
    hints = get_type_hints(function, localns=NAMES)
    return {name: hint for name, hint in hints.items() if name not in ("self", "return")}


def test_the_options_are_those_of_the_engines_signature() -> None:
    of_engine = keywords_of(Engine.__init__)
    storage, echo = of_engine.pop("storage"), of_engine.pop("echo")
    assert of_engine == get_type_hints(EngineOptions, localns=NAMES)
    assert echo is bool
    own = keywords_of(Engine.run)
    of_run = {"storage": storage, "html": HTML, **{name: own[name] for name in ("on_error", "force", "attributes")}}
    assert get_type_hints(RunOptions, localns=NAMES) == {**of_engine, **of_run}
    assert set(of_engine) == ENGINE_OPTIONS
    assert {*of_engine, *of_run} == RUN_OPTIONS
    assert set(get_type_hints(RequestKeywords, localns=NAMES)) == REQUEST_KEYWORDS
    assert set(get_type_hints(LoadKeywords, localns=NAMES)) == LOAD_KEYWORDS


def test_arun_takes_the_same_values_as_the_engine() -> None:
    parameters = inspect.signature(alexflow.arun).parameters
    assert set(parameters) == {
        "target",
        "storage",
        "on_error",
        "force",
        "attributes",
        "progress",
        "echo",
        "html",
        "options",
    }


async def call(function: Callable[..., Any], options: dict[str, Any]) -> None:
    work = function([], storage=MemoryStorage(), **options)
    if inspect.isawaitable(work):
        await work


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("worker", "; did you mean workers?"),
        ("resources", "; did you mean limits?"),
        ("recycle", "; did you mean workers=Workers(recycle=...)?"),
        ("colour", ""),
    ],
)
async def test_an_unknown_keyword_is_refused_where_it_is_given(wrong: str, meant: str) -> None:
    options: dict[str, Any] = {wrong: 1}
    for function in (alexflow.run, alexflow.arun):
        name = function.__name__
        with pytest.raises(TypeError) as refused:
            await call(function, options)
        assert str(refused.value) == f"{name}() got an unexpected keyword argument {wrong!r}{meant}"


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("report", [None, "report.html"])
def test_a_runs_attributes_are_in_the_record(tmp_path: Path, is_async: bool, report: str | None) -> None:
    def work(attributes: dict[str, Any]) -> None:
        html = None if report is None else tmp_path / report
        if is_async:
            asyncio.run(alexflow.arun(Step(1), storage=storage, html=html, attributes=attributes))
        else:
            alexflow.run(Step(1), storage=storage, html=html, attributes=attributes, progress=False)

    storage = LocalStorage(tmp_path / "results")
    with pytest.raises(DefinitionError, match=r"attributes\['cause'\] must be a text"):
        work({"cause": []})
    work({"cause": "nightly"})
    assert [run.attributes for run in alexflow.open_record(storage).runs()] == [{"cause": "nightly"}]


@pytest.mark.parametrize("function", [alexflow.run, alexflow.arun])
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"progress": "no"}, "progress must be True, False or None, not 'no'"),
        ({"progress": 1}, "progress must be True, False or None, not 1"),
        ({"echo": None}, "echo must be True or False, not None"),
    ],
)
async def test_what_a_run_shows_is_said_plainly(function: Callable[..., Any], wrong: dict[str, Any], why: str) -> None:
    async def call() -> None:
        found = function([], storage=MemoryStorage(), **wrong)
        await found

    with pytest.raises(DefinitionError, match=why):
        await call()
