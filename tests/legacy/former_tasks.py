"""Tasks as people wrote them for alexflow 1.1.4, and how to make random ones; runs under 1.1.4 and under this one."""

# no `from __future__ import annotations`: 1.1.4 wants to see types, not their names

import json
import os.path
import sys
import warnings
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Dict, List, Optional

warnings.simplefilter("ignore")

from alexflow.adapters.output.h5store import H5FileOutput  # noqa: E402
from alexflow.adapters.storage.composite_storage import CompositeStorage  # noqa: E402
from alexflow.adapters.storage.core import copy_file  # noqa: E402
from alexflow.adapters.storage.local_storage import LocalStorage  # noqa: E402
from alexflow.core import (  # noqa: E402
    AbstractTask,
    BinaryOutput,
    Dir,
    DynamicTask,
    File,
    JSONOutput,
    NoDefaultVar,
    Output,
    ResourceSpec,
    Serializable,
    SerializableOutput,
    Task,
    Workflow,
    WrapperTask,
    deserialize,
    no_default,
)
from alexflow.coreml import BinaryDatasetOutput, BinaryPredictionOutput, Dataset, PredictionOutput  # noqa: E402
from alexflow.helper import load_output  # noqa: E402

try:
    from dataclass_serializer import partial
except ImportError:  # 1.1.4 brings it along
    from alexflow.legacy import partial


@dataclass(frozen=True)
class Bag(Serializable):
    """A class that users of 1.1.4 made serializable."""

    things: Optional[Any] = None
    hidden: Optional[Any] = field(default=None, compare=False)
    weight: float = 1.5


@dataclass(frozen=True)
class Step(Task):
    """With fields of all kinds."""

    value: Optional[Any] = None
    other: Optional[Any] = 3
    needed: NoDefaultVar[Optional[Any]] = no_default
    note: Optional[Any] = field(default=None, compare=False)
    when: Optional[datetime] = field(
        default=None,
        metadata={
            "encode": lambda at: at and at.isoformat(),
            "decode": lambda text: text and datetime.fromisoformat(text),
        },
    )

    def output(self):
        return self.build_output(BinaryOutput, key="step.pkl")


@dataclass(frozen=True)
class Plan(DynamicTask):
    """Gives tasks."""

    parts: Optional[List[Any]] = None
    options: Optional[Dict[str, Any]] = None

    def output(self):
        return self.build_output(JSONOutput, key="plan.json")


@dataclass(frozen=True)
class Wrapped(WrapperTask):
    """Another task."""

    label: str = "w"


@dataclass(frozen=True)
class Bare(AbstractTask):
    """Neither of the usual."""

    value: Optional[Any] = 0


@dataclass(frozen=True)
class Kept(Output):
    """A class that users of 1.1.4 made of an output."""

    mode: str = "w"
    since: Optional[date] = None
    hidden: Optional[Any] = field(default=None, compare=False)


@dataclass(frozen=True)
class Deep(Step):
    """A task that inherits fields, and makes a default."""

    extra: Optional[Any] = field(default_factory=list)


def _local():
    @dataclass(frozen=True)
    class Local(Bare):
        more: Optional[Any] = None

    return Local


class Level(IntEnum):
    LOW = 1


class Colour(str, Enum):  # noqa: UP042  # as 1.1.4 may be on an older Python
    RED = "red"


One = namedtuple("One", "value")
Two = namedtuple("Two", "first second")


def helping(number):
    """A function that a task may be given."""
    return number


CLASSES = {"Step": Step, "Plan": Plan, "Bare": Bare, "Task": Task, "Deep": Deep, "Local": _local()}
OUTPUTS = {
    cls.__name__: cls
    for cls in (
        BinaryDatasetOutput,
        BinaryOutput,
        BinaryPredictionOutput,
        H5FileOutput,
        JSONOutput,
        Kept,
        Output,
        PredictionOutput,
        SerializableOutput,
    )
}
THINGS = {
    "json": json,
    "os.path": os.path,
    **{
        thing.__name__: thing
        for thing in (
            *(int, Step, helping, Decimal, copy_file, load_output, Dataset, File, LocalStorage, CompositeStorage),
            *(ResourceSpec, Serializable, Task, DynamicTask, WrapperTask, Workflow, *OUTPUTS.values()),
        )
    },
}


def build(recipe):
    """The value that a recipe, which is plain data, stands for."""
    kind, *parts = recipe
    return BUILDERS[kind](*parts)


def _task(name, spec, fields, gpu):
    arguments = {key: build(value) for key, value in fields.items()}
    if name in ("Step", "Deep"):
        arguments.setdefault("needed", None)
    if name in ("Step", "Deep", "Task"):
        arguments["resource_spec"] = None if gpu is None else ResourceSpec(gpu=gpu)
    return CLASSES[name](_task_spec=spec, **arguments)


def _output(name, task, key, ephemeral, storage):
    storage = None if storage is None else build(storage)
    return OUTPUTS[name](src_task=build(task), key=key, ephemeral=ephemeral, storage=storage)


def _workflow(storage, tasks, artifacts):
    return Workflow(
        storage=build(storage),
        tasks={name: build(task) for name, task in tasks},
        artifacts={name: build(artifact) for name, artifact in artifacts},
    )


BUILDERS = {
    "plain": lambda value: value,
    "float": float,
    "int": int,
    "list": lambda items: [build(item) for item in items],
    "tuple": lambda items: tuple(build(item) for item in items),
    "dict": lambda items: {key: build(value) for key, value in items},
    "odict": lambda items: OrderedDict((key, build(value)) for key, value in items),
    "set": set,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "enum": lambda name: {"LOW": Level.LOW, "RED": Colour.RED}[name],
    "one": lambda value: One(build(value)),
    "two": lambda first, second: Two(build(first), build(second)),
    "thing": THINGS.__getitem__,
    "bag": lambda things, hidden: Bag(build(things), build(hidden)),
    "resources": lambda gpu, memory: ResourceSpec(gpu=gpu, memory_limits=memory),
    "task": _task,
    "wrapper": lambda task, label, spec: Wrapped(task=build(task), label=label, _task_spec=spec),
    "output": lambda task, key, ephemeral: Output(src_task=build(task), key=key, ephemeral=ephemeral),
    "output of": _output,
    "kept": lambda task, mode, hidden: Kept(build(task), "key", mode=mode, hidden=build(hidden)),
    "local": lambda path: LocalStorage(base_path=path),
    "composite": lambda lower, upper: CompositeStorage(read_only=build(lower), read_write=build(upper)),
    "file": File,
    "dir": Dir,
    "workflow": _workflow,
    "partial": lambda items: partial(helping, **{key: build(value) for key, value in items}),
    "its output": lambda task: build(task).output(),
}


def answer(recipe):
    """Return the facts of a recipe: its id, if it is a task, its document, and that once it has been read and written.

    None is in place of what there is not.
    """
    try:
        thing = build(recipe)
    except (TypeError, ValueError) as error:
        return {"id": None, "document": None, "again": None, "error": str(error)}
    try:
        task_id = thing.task_id if isinstance(thing, AbstractTask) else None
    except (TypeError, ValueError):
        task_id = None
    try:
        document = json.dumps(thing.serialize(), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        document = None
    try:
        again = document and json.dumps(deserialize(json.loads(document)).serialize(), sort_keys=True)
    except (TypeError, ValueError, AttributeError, ImportError):
        again = None
    return {"id": task_id, "document": document, "again": again}


if __name__ == "__main__":
    sys.modules["former_tasks"] = sys.modules["__main__"]
    for _cls in (Bag, Step, Plan, Wrapped, Bare, Kept, Deep, CLASSES["Local"], helping):
        _cls.__module__ = "former_tasks"
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
