"""Task classes with the ids of alexflow 1.1.4.

A code base that derives from these instead of the classes of ``alexflow`` keeps the results that it has stored. Each
task carries its id spec as a field, as in 1.x: "1.0.0", or None from before 1.0 (``v0``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Optional, cast

from alexflow import model
from alexflow.identity import ID_SPEC, Pending
from alexflow.legacy.serializable import Serializable


@dataclass(frozen=True)
class ResourceSpec(model.ResourceSpec, Serializable):
    """:class:`alexflow.ResourceSpec` with the methods of 1.x."""


class FormerIds:
    """Mixin for task classes of today whose ids are those of alexflow 1.x.

    Class variables:
        _task_spec: the id spec: "1.0.0", or None for ids from before 1.0.
    """

    _task_spec: ClassVar[Optional[str]] = "1.0.0"  # noqa: UP045  # as below

    def __id_rule__(self, pending: Pending) -> str | None:
        if self._task_spec == ID_SPEC:
            return None
        from alexflow.legacy.ids import id_of_1x  # deferred: it needs SHA-1 and JSON

        return id_of_1x(cast(model.AbstractTask, self), self._task_spec, pending)


@dataclass(frozen=True, eq=False, repr=False)
class AbstractTask(FormerIds, model.AbstractTask, Serializable):
    """:class:`alexflow.AbstractTask` with the ids of 1.x."""

    __free_names__: ClassVar[frozenset[str]] = frozenset({"options", "retry"})  # 1.x gave them no meaning

    _task_spec: Optional[str] = field(  # type: ignore[misc]  # noqa: UP045  # as 1.x, where it is a field of each task
        default="1.0.0", compare=False, repr=False, kw_only=True
    )

    def serialize(self) -> dict[str, Any]:
        """A document of 1.x (:func:`alexflow.legacy.serialize`), not one of today."""
        return Serializable.serialize(self)


@dataclass(frozen=True, eq=False, repr=False)
class Task(AbstractTask, model.Task):
    """:class:`alexflow.Task` with the ids of 1.x."""


@dataclass(frozen=True, eq=False, repr=False)
class DynamicTask(AbstractTask, model.DynamicTask):
    """:class:`alexflow.DynamicTask` with the ids of 1.x."""


@dataclass(frozen=True, eq=False, repr=False)
class WrapperTask(AbstractTask, model.WrapperTask):
    """:class:`alexflow.WrapperTask`; its id is that of the task it wraps."""
