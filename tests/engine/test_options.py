"""The keywords of ``Engine``, ``arun`` and ``run`` are the same ones."""

from __future__ import annotations

import inspect
from typing import get_type_hints

import pytest

import alexflow
from alexflow import Engine
from alexflow.engine.options import EngineOptions, RunOptions


def keywords_of(function: object) -> dict[str, object]:
    hints = get_type_hints(function)
    return {name: hint for name, hint in hints.items() if name not in ("self", "return")}


def test_the_options_are_those_of_the_engines_signature() -> None:
    of_engine = keywords_of(Engine.__init__)
    storage, echo = of_engine.pop("storage"), of_engine.pop("echo")
    assert of_engine == get_type_hints(EngineOptions)
    assert echo is bool
    own = keywords_of(Engine.run)
    of_run = {"storage": storage, "on_error": own["on_error"], "force": own["force"]}
    assert get_type_hints(RunOptions) == {**of_engine, **of_run}


def test_arun_takes_the_same_values_as_the_engine() -> None:
    parameters = inspect.signature(alexflow.arun).parameters
    assert set(parameters) == {"target", "storage", "on_error", "force", "progress", "echo", "options"}


def test_an_unknown_keyword_is_refused_before_work_starts() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'resources'"):
        alexflow.run([], storage=alexflow.MemoryStorage(), resources={"gpu": 1})  # type: ignore[call-arg]
