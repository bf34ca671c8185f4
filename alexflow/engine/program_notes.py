"""Notes in a storage that say which program's ``__main__`` a class is of.

The id of a task of a script begins with the script's name: two programs called ``main.py``, or two notebooks, that have
a class of one name would get each other's results. So beside the record stands for each such class the place of its
program, relative to its project, and another program is refused. The same program elsewhere is no other one: a project
may be moved, and a copy that has the same code is accepted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of
from alexflow.identity.blake2 import blake2b
from alexflow.model.class_info import class_info
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace

#: The beginning of the names of notes.
NOTE_PREFIX = "program-"

_JUPYTER = "JPY_SESSION_NAME"

_OF_PROJECT = ("pyproject.toml", ".git")


def program_place() -> str:
    """Return the place of the running script or notebook in its project; empty where that is not known."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not isinstance(file, str) or not os.path.isabs(file):
        file = _notebook(main)
    if not os.path.isabs(file):
        return file  # a name that the user has given, or a place that is no file
    parts = file.split("/")
    for length in range(len(parts) - 1, 0, -1):
        directory = "/".join(parts[:length])
        if any(os.path.exists(f"{directory}/{name}") for name in _OF_PROJECT):
            return "/".join(parts[length:])
    return "/".join(parts[-2:])  # of no project: the rest of the path differs from machine to machine


def _notebook(main: object) -> str:
    """Return what the user or the editor says of the running notebook; empty outside of one, or if neither does."""
    if "IPython" not in sys.modules:
        return ""
    file = getattr(main, "__vsc_ipynb_file__", None)  # of Visual Studio Code
    # the last one is of Jupyter and Colab
    return os.environ.get("ALEXFLOW_NOTEBOOK") or (isinstance(file, str) and file) or os.environ.get(_JUPYTER, "")


@blocks_briefly("once for each class of a script: a file of some bytes")
def are_noted(classes: Iterable[type], storage: Storage) -> bool:
    """Whether a storage knows all classes to be this program's; True where that cannot be known."""
    place, space = program_place(), storage.reserved("record")
    return space is None or all(_noted(cls, space) == place for cls in classes)


@blocks_briefly("once for each class of a script: a file of some bytes")
def check_program(classes: Iterable[type], storage: Storage) -> None:
    """Note that classes are of this program, if nothing is noted.

    Raises:
        DefinitionError: one is noted to be another program's, and the code of its tasks was another.
    """
    place, space = program_place(), storage.reserved("record")
    if space is None:
        return
    for cls in classes:
        noted = _noted(cls, space)
        if noted and noted != place and not _has_same_code(cls, storage):
            raise DefinitionError(_conflict(cls, noted, place, storage))
        if place and noted != place:
            try:
                space.write(_note(cls), place.encode())
            except Exception:  # a storage that is only read
                _debug(f"the program of {class_info(cls).name} is not noted")


def _noted(cls: type, space: ReservedSpace) -> str:
    """Return the place that is noted for a class; empty if none is, or it cannot be read."""
    try:
        return space.read(_note(cls)).decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _note(cls: type) -> str:
    return f"{NOTE_PREFIX}{blake2b(class_info(cls).name.encode(), digest_size=12).hexdigest()}.txt"


def _has_same_code(cls: type, storage: Storage) -> bool:
    """Whether the newest task of a class in the record ran the code that the class has now, or there is no result."""
    from alexflow.fingerprint import fingerprint_of  # deferred: only where two programs share a name
    from alexflow.record import open_record

    try:
        name = class_info(cls).name
        newest = next((entry for entry in open_record(storage).entries() if entry.task_id.startswith(f"{name}.")), None)
        if newest is None:  # nothing has ended, or it was not recorded
            return next(iter(storage.list(f"{name}.")), None) is None
        return newest.code == fingerprint_of(cls).digest
    except Exception:  # a record that cannot be read
        _debug(f"the code of {class_info(cls).name} is not compared")
        return False


def _conflict(cls: type, noted: str, place: str, storage: Storage) -> str:
    name, where = class_info(cls).name, repr_of(storage, SHORT_TEXT)
    this = f"this is {place}" if place else "where this program is cannot be seen"
    same = f", or ALEXFLOW_NOTEBOOK={noted} if this is that notebook" if "IPython" in sys.modules else ""
    return (
        f"{name} is a class of {noted}, of which {where} has results, and {this}: their tasks would have the same ids, "
        f"and get each other's results; set task_name = '…' on one of the two classes, or use another storage{same}"
    )


def _debug(message: str) -> None:
    from alexflow.logs import logger  # deferred: a run of what exists loads no logging

    logger.debug(message, exc_info=True)
