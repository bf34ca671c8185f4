"""The libraries behind a task's class are found without running any code."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from alexflow import Workers
from alexflow.errors import DefinitionError
from alexflow.executors.process.library_imports import libraries_of
from tests.process.preloading import Libraries


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    made = Libraries(tmp_path, monkeypatch)
    for name in ("made_up", "other"):
        made.install(name, "class Thing: pass\ndef act(): pass\nvalue = Thing()\n")
    yield made
    made.forget()


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ("import made_up", ["made_up"]),
        ("import made_up as short, other", ["made_up", "other"]),
        ("from made_up import Thing, act", ["made_up"]),
        ("import json, logging, asyncio", []),
        ("import alexflow, msgspec", []),
        ("if False:\n    import made_up", []),
        ("try:\n    import no_such_module\nexcept ImportError:\n    import other", ["other"]),
        ("def act():\n    import made_up", []),
        ("class Base:\n    import made_up", ["made_up"]),
        ("import helper", ["made_up"]),
        ("from helper import act", ["made_up"]),
        ("from helper import *", ["made_up"]),
    ],
)
def test_what_a_module_imports(libraries, imports, found):
    libraries.write("helper", "import made_up\nact = made_up.act")
    assert libraries_of([libraries.program("asks", imports)]) == found


def test_what_a_method_imports(libraries):
    ask = libraries.program("asks", "")
    libraries.write(
        "deferring",
        "from asks import Ask\nclass Defers(Ask):\n    def run(self, input, output):\n"
        "        import made_up\n        def inner():\n            from other import Thing\n",
    )
    defers = __import__("deferring").Defers
    assert libraries_of([ask]) == []
    assert libraries_of([defers]) == ["made_up", "other"]
    assert libraries_of([ask, defers, defers]) == ["made_up", "other"]


def test_a_package_s_own_modules(libraries):
    libraries.write("deep", "")
    package = ModuleType("deep")
    assert libraries_of([type("Task", (), {"__module__": package.__name__})]) == []


def test_what_a_class_that_travels_by_value_refers_to(libraries):
    script = ModuleType("__main__")
    source = """
import made_up, other as another, json
from made_up import Thing

def helper():
    return another.act()

class Task:
    def run(self):
        return Thing, helper()

class Annotated:
    field: Thing

class Nothing:
    def run(self):
        return json
"""
    exec(compile(source, "<script>", "exec", dont_inherit=True), vars(script))
    vars(script)["__name__"] = "__main__"
    main, sys.modules["__main__"] = sys.modules["__main__"], script
    try:
        assert libraries_of([script.Task]) == ["made_up", "other"]
        assert libraries_of([script.Annotated]) == ["made_up"]
        assert libraries_of([script.Nothing]) == []
    finally:
        sys.modules["__main__"] = main


@pytest.mark.parametrize("preload", ["torch", [1], ["a-b"], [""], ["a..b"], 5])
def test_what_is_no_list_of_names(preload):
    with pytest.raises(
        DefinitionError, match=r"Workers\.preload must be a list of names of modules, such as \['torch'\]"
    ):
        Workers(preload=preload)


def test_names_may_be_compared_and_hashed():
    assert hash(Workers(preload=["torch"])) == hash(Workers(preload=("torch",)))
    assert Workers(preload=["a.b"]).preload == ("a.b",)
