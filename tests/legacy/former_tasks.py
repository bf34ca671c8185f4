"""Tasks as people wrote them for alexflow 1.1.4, and how to make random ones; runs under 1.1.4 and under this one."""

# no `from __future__ import annotations`: 1.1.4 wants to see types, not their names

import json
import os.path
import sys
import warnings
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Dict, List, Optional

warnings.simplefilter("ignore")

from alexflow.core import (  # noqa: E402
    AbstractTask,
    BinaryOutput,
    DynamicTask,
    JSONOutput,
    NoDefaultVar,
    Output,
    ResourceSpec,
    Serializable,
    Task,
    WrapperTask,
    no_default,
)


@dataclass(frozen=True)
class Bag(Serializable):
    """What its users made serializable."""

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


def helping(number):
    """A function that a task may be given."""
    return number


CLASSES = {"Step": Step, "Plan": Plan, "Bare": Bare}
THINGS = {"int": int, "Step": Step, "helping": helping, "json": json, "os.path": os.path, "Decimal": Decimal}


def build(recipe):
    """The value that a recipe, which is plain data, stands for."""
    kind, *parts = recipe
    return BUILDERS[kind](*parts)


def _task(name, spec, fields, gpu):
    arguments = {key: build(value) for key, value in fields.items()}
    if name == "Step":
        arguments.setdefault("needed", None)
        arguments["resource_spec"] = None if gpu is None else ResourceSpec(gpu=gpu)
    return CLASSES[name](_task_spec=spec, **arguments)


def _output(task, key, ephemeral):
    return Output(src_task=build(task), key=key, ephemeral=ephemeral)


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
    "thing": THINGS.__getitem__,
    "bag": lambda things, hidden: Bag(build(things), build(hidden)),
    "resources": lambda gpu, memory: ResourceSpec(gpu=gpu, memory_limits=memory),
    "task": _task,
    "wrapper": lambda task, label, spec: Wrapped(task=build(task), label=label, _task_spec=spec),
    "output": _output,
    "its output": lambda task: build(task).output(),
}


def answer(recipe):
    """The id and the document of the task that a recipe stands for, None in place of what it has not."""
    try:
        task = build(recipe)
    except (TypeError, ValueError) as error:
        return {"id": None, "document": None, "error": str(error)}
    try:
        task_id = task.task_id
    except (TypeError, ValueError):
        task_id = None
    try:
        document = json.dumps(task.serialize(), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        document = None
    return {"id": task_id, "document": document}


if __name__ == "__main__":
    sys.modules["former_tasks"] = sys.modules["__main__"]
    for _cls in (Bag, Step, Plan, Wrapped, Bare, helping):
        _cls.__module__ = "former_tasks"
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
