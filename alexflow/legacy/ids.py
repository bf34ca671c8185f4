"""Id specs "1.0.0" and None: the ids of alexflow 1.1.4, byte for byte, for tasks that carry such a spec.

An id is the class's module, its name, and the SHA-1 of its fields as JSON with sorted keys. For a field that is a task
the JSON has that task's id, for an output the id of its task, a dot, and its key; for a task in a list or a dict, and
for an object that 1.x calls serializable, the id by this rule. Lists and tuples give the same id, and so do ``{1: 2}``
and ``{"1": 2}``: these specs keep confusing the values that they always confused, or results would be lost.

Spec "1.0.0" leaves out fields that are None. None (before 1.0, "v0") leaves them out only if None is the default, and
includes ``resource_spec``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import datetime
from types import FunctionType, ModuleType
from typing import Any, TypeAlias, cast

from alexflow.errors import IdentityError
from alexflow.identity import ID_SPEC, Pending, short_repr
from alexflow.legacy.names import former_fields, former_name, is_of_1x
from alexflow.model.output import Output
from alexflow.model.resource_spec import ResourceSpec
from alexflow.model.task import AbstractTask, WrapperTask
from alexflow.model.workflow import Workflow
from alexflow.storage import Storage

#: The spec of a task: "1.0.0", or None from before 1.0.
Spec: TypeAlias = str | None

SPEC_1 = "1.0.0"


def spec_of(task: AbstractTask | type[AbstractTask]) -> Spec:
    """The id spec that a task or its class carries; "2" where it carries none."""
    spec: Spec = getattr(task, "_task_spec", ID_SPEC)
    return spec


def id_of_1x(task: AbstractTask, spec: Spec, pending: Pending) -> str:
    """A task's id under a former spec; meaningless if tasks were added to ``pending``.

    Raises:
        IdentityError: a field has no identity under that spec; the message begins with the path to it.
    """
    if spec not in (SPEC_1, None):
        raise IdentityError(
            f"{type(task).__qualname__}._task_spec: there is no id spec {spec!r}; the specs are '2', '1.0.0' and None"
        )
    return FormerRule(spec, pending).id_of(task)


class FormerRule:
    """The rule of one former spec, for one task at a time.

    Args:
        spec: the spec.
        pending: collects tasks whose ids must be computed first.
    """

    def __init__(self, spec: Spec, pending: Pending):
        self._spec = spec
        self._pending = pending

    def id_of(self, thing: Any) -> str:
        """The id from the class and fields of an object; meaningless while tasks are pending."""
        fields = self._fields(thing)
        values: dict[str, Any] = {}
        for name, value in fields:
            try:
                values[name] = self._reduced_field(value)
            except IdentityError:  # of a nested value, which the message names
                raise
            except (TypeError, RecursionError) as error:  # a namedtuple of several fields; a list within itself
                raise _refused(thing, name, value, error) from None
        if self._pending:
            return ""
        try:
            text = json.dumps(values, sort_keys=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise _first_refused(thing, fields, values, error) from None
        return f"{former_name(type(thing)).replace(':', '.')}.{hashlib.sha1(text.encode()).hexdigest()}"

    def known_id(self, task: AbstractTask) -> str | None:
        """The id of a task nested in another, if it is known."""
        return task.known_id()

    def carries_spec(self, task: AbstractTask) -> bool:
        """Whether that id follows from this rule."""
        return spec_of(task) == self._spec

    def key_of(self, output: Output[Any], task_id: str) -> str:
        """The key of an output whose task has a certain id."""
        return output.key

    def _fields(self, thing: Any) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for name, field in former_fields(type(thing)):
            value = getattr(thing, field.name)
            if name == "resource_spec" and self._spec is None:
                counts = True
            else:
                counts = field.compare and (value is not None or (self._spec is None and field.default is not None))
            if counts and name != "_task_spec":
                found.append((name, value))
        return found

    def _reduced_field(self, value: Any) -> Any:
        return self._id_within(value) if isinstance(value, AbstractTask) else self._reduced(value)

    def _reduced(self, value: Any) -> Any:
        """A value as ``json.dumps`` gets it."""
        if isinstance(value, Output):
            source = value.__dict__.get("src_task")
            task_id = value.src_task_id if source is None else self._id_within(source)
            return f"{task_id}.{self.key_of(value, task_id)}"
        if isinstance(value, AbstractTask):
            # in a list or a dict a task is hashed by its class and fields, whatever its own spec; so is a wrapper
            plain = self.carries_spec(value) and not isinstance(value, WrapperTask)
            return self._id_within(value) if plain else self.id_of(value)
        if _is_serializable(value):
            return self.id_of(value)
        if isinstance(value, list | tuple):
            make = cast(Any, type(value))
            return make([self._reduced(item) for item in value])
        if isinstance(value, dict):
            return {key: self._reduced(item) for key, item in value.items()}
        if isinstance(value, type | FunctionType):
            return former_name(value)
        if isinstance(value, ModuleType):
            return value.__name__
        if isinstance(value, datetime):
            return value.isoformat()
        return value

    def _id_within(self, task: AbstractTask) -> str:
        task = task.unwrapped()
        known = self.known_id(task)
        if known is None:
            self._pending.append(task)
            known = self.known_id(task)  # ComputeNow has computed it
        return known or ""


def _is_serializable(value: Any) -> bool:
    """Whether 1.x calls it serializable: ``Serializable``, here or of ``dataclass_serializer``, or a class of 1.x."""
    cls = type(value)
    return dataclasses.is_dataclass(cls) and (
        (hasattr(cls, "to_dict") and hasattr(cls, "serialize"))
        or (isinstance(value, ResourceSpec | Workflow | Storage) and is_of_1x(cls))
    )


def _first_refused(
    thing: Any, fields: list[tuple[str, Any]], values: dict[str, Any], error: Exception
) -> IdentityError:
    for name, value in fields:
        try:
            json.dumps(values[name], sort_keys=True)
        except (TypeError, ValueError, RecursionError) as reason:
            return _refused(thing, name, value, reason)
    return IdentityError(f"{type(thing).__qualname__}: {error}")


def _refused(thing: Any, name: str, value: Any, reason: Exception) -> IdentityError:
    return IdentityError(
        f"{type(thing).__qualname__}.{name}: {short_repr(value)} has no identity under the former id specs: {reason}; "
        f"they support JSON's values, datetimes, classes, functions, modules, tasks and outputs"
    )
