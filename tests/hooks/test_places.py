"""Every call of users' code in the engine is registered with the boundary (tests/hooks/hook_places.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

import alexflow
from alexflow import DynamicTask, Output, Task, WrapperTask, hooks
from tests.hooks.hook_places import ASKED, INNER, INSIDE, OURS, PROTOCOLS, TEXTS, WORK
from tests.hooks.scan import Use, named_hooks, uses

ROOT = Path(alexflow.__file__).parent

#: Where users' objects pass through code that serves many requests; the scheduler sees names and numbers only.
SEARCHED = ("engine", "events", "executors", "forks", "graph", "hooks", "logs", "progress")

#: What code calls users' objects, and their exceptions.
USERS = frozenset(
    {"task", "_task", "output", "target", "tree", "given", "source", "parent", "part", "tag", "tags", "value", "named"}
    | {"error", "reason", "second", "cause", "exc", "trouble", "storage", "_storage", "listener", "key", "on_error"}
)

#: Calls that make text.
TEXT = ("repr()", "!r", "str()", "format()", "ascii()", "{} of an exception")


def searched(root: Path) -> list[Use]:
    return [use for use in uses(root) if use.function.partition(":")[0].split(".")[1] in SEARCHED]


def unregistered(found: list[Use]) -> list[Use]:
    """Uses of hooks, and of functions that call them, with no `try` of the boundary around them."""
    hooks = ASKED.keys() | WORK.keys()
    return [
        use
        for use in found
        if not use.guarded
        and use.function not in INSIDE
        and ((use.name in hooks and use.receiver and use.receiver not in OURS) or is_of_inside(use))
    ]


def is_of_inside(use: Use) -> bool:
    """Whether it names a function that has to be called from a guarded place."""
    for function in INSIDE:
        owner, _, name = function.rpartition(":")[2].rpartition(".")
        if name == use.name and bool(owner) == bool(use.receiver):
            if use.receiver in ("self", "super()"):
                return use.function.startswith(f"{function.rpartition('.')[0]}.")
            return True
    return False


def unregistered_texts(found: list[Use]) -> list[Use]:
    listed = TEXTS.keys() | INSIDE
    return [
        use
        for use in found
        if use.name in TEXT and use.receiver in USERS and not use.guarded and use.function not in listed
    ]


@pytest.fixture(scope="module")
def found() -> list[Use]:
    return searched(ROOT)


def test_every_call_of_a_hook_is_guarded_or_listed(found: list[Use]) -> None:
    places = [f"{use.function}, line {use.line}: {use.receiver}.{use.name}" for use in unregistered(found)]
    assert not places, f"guard these, or list them in tests/hooks/hook_places.py: {places}"


def test_every_text_of_a_users_object_is_guarded_or_listed(found: list[Use]) -> None:
    places = [f"{use.function}, line {use.line}: {use.name} {use.receiver}" for use in unregistered_texts(found)]
    assert not places, f"use repr_of() or text_of() of {hooks.__name__} here, or list it in TEXTS: {places}"


def test_nothing_is_listed_that_is_not_there(found: list[Use]) -> None:
    functions = {use.function for use in found}
    assert (INSIDE | TEXTS.keys()) - functions == set()


def test_every_hook_that_an_error_names_is_in_the_tables() -> None:
    hooks = ASKED.keys() | WORK.keys() | INNER.keys() | PROTOCOLS.keys()
    assert named_hooks(ROOT) - hooks == set()


@pytest.mark.parametrize("cls", [Task, DynamicTask, WrapperTask, Output])
def test_every_method_of_a_users_class_is_a_hook_of_the_tables(cls: type) -> None:
    ours = {name for base in cls.__mro__ for name in vars(base) if base.__module__.startswith("alexflow.")}
    methods = {name for name in ours if not name.startswith("_") or name in vars(object) or hasattr(cls, name)}
    hooks = ASKED.keys() | WORK.keys() | INNER.keys()
    assert {name for name in methods if not is_private(name)} - hooks == set()


def is_private(name: str) -> bool:
    """Whether it is alexflow's own, or written by @dataclass or Python for every class."""
    return (name.startswith("_") and not name.startswith("__")) or name in OF_PYTHON


OF_PYTHON = frozenset(
    {"__module__", "__doc__", "__annotations__", "__dict__", "__weakref__", "__init__", "__match_args__"}
    | {"__dataclass_params__", "__dataclass_fields__", "__setattr__", "__delattr__", "__orig_bases__", "__parameters__"}
    | {"__class_getitem__", "__firstlineno__", "__static_attributes__", "__replace__"}
    | {"__annotate_func__", "__annotations_cache__"}
    | {"__class_info__", "__identified_by__", "__canonical_form__", "__check_class__", "__free_names__"}  # alexflow's
)


@pytest.mark.parametrize(
    "code",
    [
        "def f(task): return task.tags",
        "def f(task):\n    try:\n        pass\n    finally:\n        task.output()",
        "def f(task):\n    try:\n        task.input()\n    except Exception:\n        pass",
        "def f(task):\n    try:\n        def g(): return task.task_id\n    except BaseException:\n        pass",
        "def f(output): return getattr(output, 'src_task')",
        "async def f(self): return self._task.generate()",
        "def f(target, storage): return _bind(target, storage)",
    ],
)
def test_what_is_not_guarded_is_found(tmp_path: Path, code: str) -> None:
    assert len(unregistered(searched_in(tmp_path, code))) == 1


@pytest.mark.parametrize(
    "code",
    ["def f(task): return repr(task)", "def f(task): return f'{task!r}'", "def f(error): return f'{error}'"],
)
def test_text_that_is_not_guarded_is_found(tmp_path: Path, code: str) -> None:
    assert len(unregistered_texts(searched_in(tmp_path, code))) == 1


def test_what_is_guarded_is_not_found(tmp_path: Path) -> None:
    code = "def f(task):\n    try:\n        return task.tags, repr(task)\n    except BaseException:\n        pass"
    found = searched_in(tmp_path, code)
    assert unregistered(found) == unregistered_texts(found) == []


def searched_in(folder: Path, code: str) -> list[Use]:
    (folder / "alexflow" / "engine").mkdir(parents=True)
    (folder / "alexflow" / "engine" / "new.py").write_text(code)
    return searched(folder / "alexflow")
