"""``CodeCheck``: whether results that exist were made with other code, for classes that ask for it.

A result is found by its parameters alone. ``TaskOptions(code="warn")`` has the log say once if results of other code
are used, and ``code="refuse"`` fails the request. For all other classes, which is nearly all, this costs one question
for each inspection. In a notebook every class is as one with "warn": cells are run again with other code all the time.

Code that could not be seen is the same in both states, or is not compared: a new mark alone is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from alexflow.errors import CodeDiffers
from alexflow.fingerprint import Fingerprint, difference_text, fingerprint_of, make_fingerprint, names_that_differ
from alexflow.graph.placement import options_of
from alexflow.hooks import class_name, passes
from alexflow.logs import logger
from alexflow.model import AbstractTask
from alexflow.model.options import CodeRule, in_notebook
from alexflow.storage import Storage

if TYPE_CHECKING:
    from alexflow.record import Record


class CodeCheck:
    """Checks the results that an engine finds.

    Args:
        storage: where they are.
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self._record: Record | None = None
        self._current: dict[type, Fingerprint | None] = {}
        self._good: set[str] = set()  # keys
        self._warned: set[type] = set()

    def faults(self, found: Mapping[str, tuple[AbstractTask, Sequence[str]]]) -> dict[str, CodeDiffers]:
        """Return an error for each result that is refused. It blocks; warnings are logged.

        Args:
            found: for each result that is going to be used its task and its keys.
        """
        refused: dict[str, CodeDiffers] = {}
        is_read = False
        for name, (task, keys) in found.items():
            try:
                rule = _rule_of(task)
                if rule == "ignore" or self._good.issuperset(keys):
                    continue
                if not is_read:
                    is_read = True
                    self._read_record()
                differing = self._differing(type(task.unwrapped()), keys)
                if not differing:
                    self._good.update(keys)
                elif rule == "refuse":
                    refused[name] = CodeDiffers(keys[0], differing, difference_text(differing))
                else:
                    self._warn(type(task.unwrapped()), keys[0], differing)
            except BaseException as error:  # of a user's class; and no result is lost because of a record
                if passes(error):
                    raise
                logger.debug("the code behind %s is not checked", name, exc_info=True)
        return refused

    def _read_record(self) -> None:
        from alexflow.record import open_record  # deferred: needed only where a class asks for it

        if self._record is None:
            self._record = open_record(self._storage)
        else:
            self._record.refresh()

    def _differing(self, cls: type, keys: Sequence[str]) -> list[str]:
        """Return the names of the code that differs; none if it is the same, or is not known."""
        assert self._record is not None
        rows = self._record.newest_rows(keys)
        digests = {row.code for row in rows if row.code is not None}
        current = self._code_of(cls)
        if current is None or digests <= {current.digest}:
            return []
        states = [self._record.code_units(digest) for digest in sorted(digests - {current.digest})]
        made = [make_fingerprint(units) for units in states if units is not None]
        return sorted({name for state in made for name in names_that_differ(state, current)})

    def _code_of(self, cls: type) -> Fingerprint | None:
        if cls not in self._current:
            self._current[cls] = fingerprint_of(cls)
        return self._current[cls]

    def _warn(self, cls: type, key: str, differing: Sequence[str]) -> None:
        if cls not in self._warned:
            self._warned.add(cls)
            logger.warning(
                "results of %s are used that were made with other code, such as %s: %s; force=%s makes them again",
                class_name(cls),
                key,
                difference_text(differing),
                cls.__name__,
            )


def _rule_of(task: AbstractTask) -> CodeRule:
    rule = options_of(task).code
    if rule == "ignore" and in_notebook() and type(task.unwrapped()).__module__ == "__main__":
        return "warn"
    return rule


def tasks_behind(outputs: Iterable[tuple[str, object]]) -> dict[str, tuple[AbstractTask, Sequence[str]]]:
    """Return the task of each output that has it at hand, by key."""
    found: dict[str, tuple[AbstractTask, Sequence[str]]] = {}
    for key, output in outputs:
        task = getattr(output, "__dict__", {}).get("src_task")
        if isinstance(task, AbstractTask):
            found[key] = task, (key,)
    return found
