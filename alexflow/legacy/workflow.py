"""``Workflow`` with its arguments in the order of 1.x."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alexflow import model
from alexflow.legacy.serializable import Serializable
from alexflow.model import AbstractTask, InOut
from alexflow.storage import Storage


@dataclass(frozen=True, init=False)
class Workflow(model.Workflow, Serializable):
    """:class:`alexflow.Workflow`, storage first."""

    def __init__(
        self,
        storage: Storage | None = None,
        tasks: Mapping[str, AbstractTask] | None = None,
        artifacts: Mapping[str, InOut] | None = None,
    ) -> None:
        super().__init__(tasks or {}, artifacts or {}, storage)

    def serialize(self) -> dict[str, Any]:
        """A document of 1.x (:func:`alexflow.legacy.serialize`), not one of today."""
        return Serializable.serialize(self)
