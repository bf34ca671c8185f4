"""A task's own parameters as bytes, and back.

A job is its class's number and its fields, pickled. Outputs among the fields are cut off from their tasks, so that
shipping costs what the task's own parameters cost, never its ancestors'. Classes and functions that the worker cannot
import (those of ``__main__`` or of a function) travel by value, once per worker; a number stands for them in the
jobs.

Pickle, because worker and engine are one program: a job may hold whatever the user's parameters are. Documents
(``alexflow.serialization``) are for what outlives the process or comes from elsewhere.
"""

from __future__ import annotations

import io
import pickle
from types import FunctionType
from typing import Any

from alexflow.errors import ShippingError
from alexflow.executors.process.arrivals import defined, output_of, task_of
from alexflow.executors.process.definitions import Definitions, importable
from alexflow.identity import qualified_name
from alexflow.model import AbstractTask, Output
from alexflow.model.plan import plan_of


class Packed:
    """A task's fields, ready to travel.

    Attributes:
        cls: the number of its class.
        fields: their values, pickled.
        needs: numbers of all definitions that the worker must have.
        sources: the tasks behind outputs among the fields, by id.
    """

    __slots__ = ("cls", "fields", "needs", "sources")

    def __init__(self, cls: int, fields: bytes, needs: set[int], sources: dict[str, AbstractTask]):
        self.cls = cls
        self.fields = fields
        self.needs = needs
        self.sources = sources


class _JobPickler(pickle.Pickler):
    """Pickles one task's fields.

    ``reducer_override`` is not called for numbers, strings and plain containers, so they cost nothing extra.
    """

    def __init__(self, definitions: Definitions):
        self._file = io.BytesIO()
        super().__init__(self._file, protocol=5)
        self._number_of = definitions.number_of
        self.needs: set[int] = set()
        self.sources: dict[str, AbstractTask] = {}

    def pack(self, task: AbstractTask) -> Packed:
        self.needs = set()
        self.sources = {}
        self._file.seek(0)
        self._file.truncate()
        self.clear_memo()
        cls = type(task)
        number = self.number_of(cls)
        self.dump(plan_of(cls).values(task))
        return Packed(number, self._file.getvalue(), self.needs, self.sources)

    def number_of(self, thing: type | FunctionType) -> int:
        number = self._number_of(thing)
        self.needs.add(number)
        return number

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Output):
            return output_of, self._output_arguments(obj)
        if isinstance(obj, AbstractTask):
            return task_of, (self.number_of(type(obj)), plan_of(type(obj)).values(obj))
        if isinstance(obj, (type, FunctionType)) and not importable(obj):
            return defined, (self.number_of(obj),)
        return NotImplemented

    def _output_arguments(self, output: Output[Any]) -> tuple[Any, ...]:
        task_id = output.src_task_id
        source = output.__dict__.get("src_task")
        if source is not None:
            self.sources[task_id] = source
        plan = plan_of(type(output))
        number = self.number_of(type(output))
        if len(plan.fields) == _BASE_FIELDS_COUNT and not output.ephemeral:
            return number, task_id, output.key
        fields = {name: getattr(output, name) for name in plan.names if name not in ("src_task", "key", "storage")}
        return number, task_id, output.key, fields


_BASE_FIELDS_COUNT = len(plan_of(Output).fields)


class Packer:
    """Takes tasks apart for workers.

    Args:
        definitions: numbers for classes and functions.
    """

    def __init__(self, definitions: Definitions):
        self._definitions = definitions
        self._pickler = _JobPickler(definitions)

    def pack(self, task: AbstractTask) -> Packed:
        """A task's fields as bytes.

        Raises:
            ShippingError: a field cannot be pickled; the message names class and field.
        """
        try:
            return self._pickler.pack(task)
        except Exception as error:  # whatever a value's __reduce__ raises
            self._pickler = _JobPickler(self._definitions)  # the old one stopped in the middle
            raise ShippingError(_blame(task, self._definitions, error)) from error


def _blame(task: AbstractTask, definitions: Definitions, error: Exception) -> str:
    cls = type(task)
    for field in plan_of(cls).fields:
        value = getattr(task, field.name)
        try:
            _JobPickler(definitions).dump(value)
        except Exception as reason:
            return (
                f"{cls.__qualname__}.{field.name} cannot be sent to a worker process: "
                f"{type(value).__qualname__}: {reason}; "
                f"pass something picklable, make it inside run(), or set executor = 'thread' on the class"
            )
    return f"{qualified_name(cls)} cannot be sent to a worker process: {error}"
