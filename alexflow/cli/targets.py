"""Targets on the command line: ``module:name``, ``path/to/script.py:name``, or the key of a stored output."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from alexflow.cli.fields import call_with, changed, given_fields
from alexflow.cli.places import opened
from alexflow.cli.recorded import record_of
from alexflow.cli.wrong_use import WrongUse, listed
from alexflow.executors.process.wire.reentry import reentry
from alexflow.hooks import a_thing, suggestion
from alexflow.model import AbstractTask, Output, Workflow, flatten
from alexflow.storage import Storage

_SCRIPT = re.compile(r"(?P<place>.+\.py)(?::(?P<name>.*))?", re.DOTALL)
_MODULE = re.compile(r"(?P<place>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>.*)", re.DOTALL)


def is_live(text: str) -> bool:
    """Whether a target names an object of the user's code, and not what is stored."""
    return (_SCRIPT.fullmatch(text) or _MODULE.fullmatch(text)) is not None


def target_and_storage(options: argparse.Namespace) -> tuple[Any, Storage]:
    """The target with its fields, and the storage: a workflow may bring its own."""
    target = target_of(options)
    if isinstance(target, Workflow) and target.storage is not None and options.storage is None:
        return target, target.storage
    return target, opened(options.storage, options.storage_option)


def target_of(options: argparse.Namespace) -> Any:
    """The target that was named, with the fields that were given."""
    given = given_fields(options.fields, options.set)
    found = named(options.target) if is_live(options.target) else _recorded(options)
    return _with_fields(found, given, options.target)


def _recorded(options: argparse.Namespace) -> Any:
    """The live output, or task, of a key or id in the record."""
    record = record_of(options)
    name = record.resolve(options.target)
    prefer_modules_here()
    task = record.entry(name).task()
    return next((output for output in flatten(task.output()) if output.key == name), task)


def named(text: str) -> Any:
    """The object behind ``module:name``; called with defaults if it is a class or function where a field takes it."""
    match = _SCRIPT.fullmatch(text) or _MODULE.fullmatch(text)
    if match is None:
        raise WrongUse(f"{text!r} is not a target; name one as module:name or path/to/script.py:name")
    module = _script(match["place"]) if match.re is _SCRIPT else _module(match["place"])
    if not match["name"]:
        raise WrongUse(f"name what is meant in {match['place']}, as {match['place']}:NAME{_offers(module)}")
    found: Any = module
    for step in match["name"].split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            raise WrongUse(
                f"{match['place']} has no {match['name']!r}{suggestion(step, vars(module))}{_offers(module)}"
            ) from None
    return found


def target_named(text: str) -> Any:
    """The target behind ``module:name``; a class or function is called without fields."""
    return _with_fields(named(text), {}, text)


def _with_fields(found: Any, given: dict[str, Any], text: str) -> Any:
    if isinstance(found, type | FunctionType):
        found = call_with(found, given, target_named)
    elif isinstance(found, AbstractTask) and given:
        found = changed(found.unwrapped(), given, target_named)
    elif isinstance(found, Output) and given:
        found = _same_output(found, changed(found.src_task.unwrapped(), given, target_named))
    elif given:
        raise WrongUse(f"{text} is {a_thing(type(found).__name__)}, which takes no fields; name a class or function")
    if inspect.iscoroutine(found):
        found.close()
        raise WrongUse(f"{text} is async; name a plain function that makes the target")
    return found


def _same_output(output: Output[Any], task: AbstractTask) -> Output[Any]:
    """The output of a task that has the name of another task's output."""
    name = output.key.removeprefix(output.src_task.task_id)
    for each in flatten(task.output()):
        if each.key.removeprefix(task.task_id) == name:
            return each
    raise WrongUse(f"with these fields {type(task).__name__} has no output {name.lstrip('.')!r}")


def _script(place: str) -> ModuleType:
    """Import a script by its stem, so that its tasks have the ids that they have when it is run."""
    file = Path(place)
    if not file.is_file():
        raise WrongUse(f"there is no file {place}")
    if "." in file.stem:
        raise WrongUse(f"{place} has a dot in its name, so that it cannot be imported; rename it")
    sys.path.insert(0, str(file.parent.resolve()))
    module = _imported(file.stem, place)
    found = getattr(module, "__file__", None)
    if found is None or not os.path.samefile(found, file):
        raise WrongUse(f"{file.stem} is {found or 'built in'} already, not {place}; rename the script")
    return module


def _module(name: str) -> ModuleType:
    prefer_modules_here()
    return _imported(name, name)


def prefer_modules_here() -> None:
    """Let modules of the working directory be imported."""
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does; a console script has its own directory there


def _imported(name: str, place: str) -> ModuleType:
    before = reentry.allowed
    try:
        module = import_module(name)
        if reentry.allowed > before:
            print(
                f"alexflow: {place} has run a workflow, as it does whenever it is imported; put what runs the workflow "
                'below `if __name__ == "__main__":`',
                file=sys.stderr,
            )
        return module
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's module may do anything, even exit
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name is not None
            and f"{name}.".startswith(f"{error.name}.")
        ):
            raise WrongUse(f"there is no module {error.name!r} here or among those installed") from None
        raise WrongUse(f"{place} cannot be imported: {type(error).__name__}: {error}{_raised_at(error)}") from error


def _raised_at(error: BaseException) -> str:
    """Return the last line of users' code that a failed import reached, in words; "" if there is none."""
    if isinstance(error, SyntaxError) or error.__traceback__ is None:
        return ""  # its text has it
    import traceback  # deferred: only for this message

    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith("<frozen")]
    ours = os.path.dirname(os.path.dirname(__file__))
    frames = [each for each in frames if not each.filename.startswith((ours, os.path.dirname(os.__file__)))]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _offers(module: ModuleType) -> str:
    """The targets that a module has, for a message."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            isinstance(value, (AbstractTask, Output, Workflow))
            or (isinstance(value, type) and issubclass(value, AbstractTask) and value.__module__ == module.__name__)
        )
    ]
    return f" (it has {listed(own)})" if own else ""
