"""The storage that a command works on: an option, the environment, ``pyproject.toml``, or ``.alexflow``."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import Any

from alexflow.cli.foreign import is_foreign
from alexflow.cli.wrong_use import WrongUse
from alexflow.storage import LocalStorage, Storage, open_storage
from alexflow.storage.keys import RESERVED
from alexflow.storage.opening import DEFAULT_PATH


def storage_of(options: argparse.Namespace) -> Storage:
    """Open the storage that was named, or the default one."""
    return opened(options.storage, options.storage_option)


def existing_storage(options: argparse.Namespace) -> Storage:
    """:func:`storage_of`, for commands that read.

    Raises:
        WrongUse: it is a directory that does not exist, or has files of other programs only.
    """
    storage = storage_of(options)
    check_exists(storage)
    return storage


def check_exists(storage: Storage) -> None:
    """Refuse the storage of a directory that does not exist, or has files of other programs only."""
    if not isinstance(storage, LocalStorage):
        return
    if not os.path.isdir(storage.base_path):
        raise WrongUse(f"there is no storage in {storage.base_path}; {_another(storage.base_path)}")
    if is_foreign(storage.base_path):
        raise WrongUse(
            f"{storage.base_path} is no storage: of the files in it none is alexflow's; correct the path, name another "
            f"with --storage, or make the directory {RESERVED} in it, if it is one"
        )


def _another(missing: str) -> str:
    """Say what to do about a storage that does not exist, with one that lies beside it."""
    beside = os.path.dirname(os.path.abspath(missing))
    names = os.listdir(beside) if os.path.isdir(beside) else []
    there = sorted(name for name in names if os.path.isdir(os.path.join(beside, name, RESERVED)))
    if not there:
        return "correct the path, or name another with --storage"
    path = os.path.relpath(os.path.join(beside, there[0]))
    return f"there is one in {path}: --storage {shlex.quote(path)}"


def check_apart(storage: Storage, directory: str) -> None:
    """Refuse a directory inside of a storage: its files would be outputs there."""
    if not isinstance(storage, LocalStorage):
        return
    outer = os.path.join(os.path.realpath(storage.base_path), "")
    if os.path.realpath(directory).startswith(outer):
        raise WrongUse(f"{directory} is inside of the storage {storage.base_path}; name another directory")


def opened(named: str | None, settings: list[str]) -> Storage:
    """Open a storage by its path or URL; None stands for the default one."""
    given = {} if named is not None else dict(_configured())
    place = named if named is not None else os.environ.get("ALEXFLOW_STORAGE") or given.get("storage") or DEFAULT_PATH
    if place == given.get("storage") and "storage-options" in given:
        settings = [*given["storage-options"], *settings]
    return open_storage(place, **dict(map(_option, settings)))


def _option(text: str) -> tuple[str, Any]:
    from alexflow.record.conditions import json_or_text  # deferred: most storages need no options

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise WrongUse(f"--storage-option takes NAME=VALUE, not {text!r}")
    return name, json_or_text(value)


def _configured() -> dict[str, Any]:
    """``storage`` and ``storage-options`` of ``[tool.alexflow]`` in the nearest pyproject.toml."""
    if os.environ.get("ALEXFLOW_STORAGE"):
        return {}
    directory = os.getcwd()
    while not os.path.isfile(file := os.path.join(directory, "pyproject.toml")):
        directory, below = os.path.dirname(directory), directory
        if directory == below:
            return {}
    import tomllib  # deferred: most directories have none

    try:
        with open(file, "rb") as content:
            table = tomllib.load(content).get("tool", {}).get("alexflow", {})
    except (OSError, ValueError) as error:
        raise WrongUse(f"{file} cannot be read: {error}") from None
    storage = table.get("storage")
    if storage is None:
        return {}
    if not isinstance(storage, str):
        raise WrongUse(f"{file}: storage in [tool.alexflow] must be a path or URL, not {storage!r}")
    settings = [f"{name}={value}" for name, value in table.get("storage-options", {}).items()]
    place = storage if "://" in storage else os.path.join(directory, storage)
    return {"storage": place, "storage-options": settings}
