"""Encoding of values as document data, and collection of the tasks that they refer to.

The encoders of the types are in :mod:`alexflow.serialization.encoders`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from alexflow.errors import DefinitionError, IdentityError
from alexflow.model import AbstractTask
from alexflow.serialization.fault import DocumentFault, hook_fault
from alexflow.serialization.fields import FieldRule, rules_of

#: The key that marks an object as a tagged value.
TAG = "$"

#: Levels of nesting of a value. The data are about three times as deep, and JSON readers recurse.
DEEPEST = 100


class NodeReference(NamedTuple):
    """A slot in the data that is to have a node's id."""

    holder: dict[str, Any]
    slot: str
    task: AbstractTask


class ValueWriter:
    """Encodes values as document data and collects the tasks that they refer to.

    Args:
        form_of: gives the encoder for a value of a type; raises DocumentFault if there is none.

    Attributes:
        references: slots that have a task's id, which is to be replaced by its node's id.
    """

    def __init__(self, form_of: Callable[[Any, type], Form]) -> None:
        self._form_of = form_of
        self.references: list[NodeReference] = []
        self._rules: dict[type, Iterable[FieldRule]] = {}
        self._depth = 0

    def write(self, value: Any) -> Any:
        """The data for a value; raises DocumentFault."""
        kind = type(value)
        if value is None or kind is bool:
            return value
        if self._depth == DEEPEST:
            raise DocumentFault(f"values are nested deeper than {DEEPEST} levels (or contain themselves)")
        self._depth += 1
        data = self._form_of(value, kind)(self, value)
        self._depth -= 1
        return data

    def write_at(self, value: Any, step: str) -> Any:
        """:meth:`write`, with the step that leads to the value."""
        try:
            return self.write(value)
        except DocumentFault as fault:
            raise fault.at(step) from fault.__cause__

    def write_apart(self, value: Any, step: str) -> tuple[Any, type, list[NodeReference]]:
        """The data for a value, its type, and its references, which are left out of :attr:`references`."""
        mark = len(self.references)
        data = self.write_at(value, step)
        references = self.references[mark:]
        del self.references[mark:]
        return data, type(value), references

    def write_items(self, values: Iterable[Any]) -> list[Any]:
        """The data of each value of a sequence."""
        data: list[Any] = []
        try:
            for value in values:
                data.append(self.write(value))  # noqa: PERF401  # their number is the index of a fault
        except DocumentFault as fault:
            raise fault.at(f"[{len(data)}]") from fault.__cause__
        return data

    def write_fields(self, value: Any, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The fields of a dataclass instance by name."""
        cls = type(value)
        rules = self._rules.get(cls)
        if rules is None:
            try:
                rules = self._rules[cls] = tuple(rules_of(cls, without).values())
            except DefinitionError as error:
                raise DocumentFault(str(error)) from error
        fields: dict[str, Any] = {}
        for rule in rules:
            depth, mark = self._depth, len(self.references)
            held = getattr(value, rule.name)
            try:
                fields[rule.name] = self.write(_encoded(held, rule))
            except DocumentFault as fault:
                if rule.significant or not rule.is_default(held):
                    raise fault.at(f".{rule.name}") from fault.__cause__
                self._depth = depth  # nothing of it stays
                del self.references[mark:]
        return fields

    def refer(self, holder: dict[str, Any], slot: str, task: AbstractTask) -> dict[str, Any]:
        """Put a task's id into a slot of ``holder``, and collect the reference."""
        try:
            holder[slot] = task.task_id  # its node's id may differ; this one orders the items of sets
        except IdentityError as error:
            raise DocumentFault(str(error)) from error
        self.references.append(NodeReference(holder, slot, task))
        return holder


def _encoded(value: Any, rule: FieldRule) -> Any:
    if value is None:
        return value
    if rule.secret:
        raise DocumentFault("it is a secret, which no document holds; make the task where the secret is known")
    if rule.encode is None:
        return value
    try:
        return rule.encode(value)
    except BaseException as error:  # the user's code
        raise hook_fault("its `encode`", error) from error


#: From the writer and a value to its data.
Form: TypeAlias = Callable[[ValueWriter, Any], Any]
