"""Classes each of whose hooks can be told to raise any kind of exception; importable in worker processes."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alexflow import DynamicTask, JSONOutput, Output, Task, TaskOptions
from tests.hooks.exceptions import KINDS

ENGINE = "ALEXFLOW_TESTS_ENGINE"  # in the environment: the process that has the engine
os.environ.setdefault(ENGINE, str(os.getpid()))


def trip(wanted: str, hook: str, kind: str) -> None:
    """Raise if this is the hook that is to, or one of several: ``"input|run"``, ``"ValueError|SystemExit"``."""
    hooks = wanted.split("|")
    if hook in hooks:
        kinds = kind.split("|")
        raise KINDS[kinds[hooks.index(hook) % len(kinds)]]()


def in_engine() -> bool:
    return os.environ.get(ENGINE) == str(os.getpid())


class Value:
    """A parameter that raises where it is pickled, or unpickled."""

    def __init__(self, hook: str, kind: str):
        self.hook = hook
        self.kind = kind

    def __getstate__(self) -> dict[str, str]:
        trip(self.hook, "value.__getstate__", self.kind)
        return {"hook": self.hook, "kind": self.kind}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__dict__.update(state)
        trip(self.hook, "value.__setstate__", self.kind)

    def __eq__(self, other: object) -> bool:
        trip(self.hook, "value.__eq__", self.kind)
        return self is other

    def __hash__(self) -> int:
        trip(self.hook, "value.__hash__", self.kind)
        return 1

    def __bool__(self) -> bool:
        trip(self.hook, "value.__bool__", self.kind)
        return True

    def __repr__(self) -> str:
        trip(self.hook, "value.__repr__", self.kind)
        return "Value"


class Trap(list[Any]):
    """A container of outputs that raises where it is gone through."""

    def __init__(self, hook: str, kind: str):
        super().__init__([None])
        self.hook = hook
        self.kind = kind

    def __iter__(self) -> Any:
        trip(self.hook, "input.__iter__", self.kind)
        return super().__iter__()

    def __len__(self) -> int:
        trip(self.hook, "input.__len__", self.kind)
        return super().__len__()


@dataclass(frozen=True)
class Stored(JSONOutput[int]):
    """An output whose hooks raise."""

    hook: str = field(default="", compare=False)
    kind: str = field(default="", compare=False)

    def physical_key_list(self) -> list[str]:
        trip(self.hook, "output.physical_key_list", self.kind)
        return [self.key]

    def encode(self, value: int) -> bytes:
        trip(self.hook, "output.encode", self.kind)
        return super().encode(value)

    def decode(self, data: bytes) -> int:
        trip(self.hook, "output.decode", self.kind)
        return super().decode(data)

    def assign_storage(self, storage: Any) -> Any:
        trip(self.hook, "output.assign_storage", self.kind)
        return super().assign_storage(storage)

    @property
    def output_id(self) -> str:
        trip(self.hook, "output.output_id", self.kind)
        return super().output_id

    @property
    def src_task_id(self) -> str:
        trip(self.hook, "output.src_task_id", self.kind)
        return super().src_task_id


@dataclass(frozen=True)
class Seed(Task):
    """Stores what others read."""

    n: int
    hook: str = ""
    kind: str = ""

    options: ClassVar[Any] = TaskOptions(executor="thread")

    def output(self) -> Any:
        return self.build_output(Stored, key="n.json", hook=self.hook, kind=self.kind)

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


def encode(value: tuple[str, str]) -> list[str]:
    trip(value[0], "field.encode", value[1])
    return list(value)


class Hooked:
    """All hooks of a task, of whatever base."""

    hook: str
    kind: str
    n: int
    value: Any

    def _reach(self, hook: str) -> None:
        trip(self.hook, hook, self.kind)

    def input(self) -> Any:
        self._reach("input")
        if self._is_where_it_runs("input"):
            self._reach("input, where it runs")
        if "input.__" in self.hook:
            return Trap(self.hook, self.kind)
        if "input's decode" in self.hook:
            return Seed(self.n, "output.decode", self.kind).output()
        return Seed(self.n).output()

    def output(self) -> Any:
        self._reach("output")
        if self._is_where_it_runs("output"):
            self._reach("output, where it runs")
        return self.build_output(Stored, key="n.json", hook=self.hook, kind=self.kind)  # type: ignore[attr-defined]

    def _is_where_it_runs(self, hook: str) -> bool:
        """In another process, or in this one the second time."""
        if not in_engine():
            return True
        asked = self.__dict__.setdefault("_asked", [])
        asked.append(hook)
        return asked.count(hook) > 1

    @property
    def tags(self) -> set[str]:
        self._reach("tags")
        return set()

    @property
    def version(self) -> Any:
        self._reach("version")
        return None

    @property
    def task_id(self) -> str:
        self._reach("task_id")
        return super().task_id  # type: ignore[misc,no-any-return]

    def unwrapped(self) -> Any:
        self._reach("unwrapped")
        return super().unwrapped()  # type: ignore[misc]

    def __repr__(self) -> str:
        self._reach("__repr__")
        return f"{type(self).__name__}({self.n})"

    def __eq__(self, other: object) -> bool:
        self._reach("__eq__")
        return self is other

    def __hash__(self) -> int:
        self._reach("__hash__")
        return 1

    def __len__(self) -> int:
        self._reach("__len__")
        return 0

    def __bool__(self) -> bool:
        self._reach("__bool__")
        return False

    def __getattribute__(self, name: str) -> Any:
        if name == "n" and "_made" in object.__getattribute__(self, "__dict__"):
            object.__getattribute__(self, "_reach")("field")
        if name == "__class__":
            object.__getattribute__(self, "_reach")("__class__")
        return object.__getattribute__(self, name)

    def _work(self) -> None:
        self._reach("run")
        if "__repr__" in self.hook:
            raise ValueError("so that it is shown")


@dataclass(frozen=True, eq=False, repr=False)
class InProcess(Hooked, Task):
    hook: str
    kind: str
    n: int
    pair: tuple[str, str] = field(default=("", ""), metadata={"encode": encode, "decode": tuple})
    value: Any = field(default=None, compare=False)

    def run(self, input: Any, output: Any) -> None:
        self._work()
        output.store(input.load() if isinstance(input, Output) else self.n)


@dataclass(frozen=True, eq=False, repr=False)
class InThread(InProcess):
    options: ClassVar[Any] = TaskOptions(executor="thread")


@dataclass(frozen=True, eq=False, repr=False)
class PlainOnLoop(InProcess):
    options: ClassVar[Any] = TaskOptions(executor="loop")


@dataclass(frozen=True, eq=False, repr=False)
class OnLoop(InProcess):
    async def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self._work()
        await output.astore(await input.aload() if isinstance(input, Output) else self.n)


@dataclass(frozen=True)
class Child(Task):
    """Stores what is its parent's."""

    parent: Output[int]
    n: int
    hook: str = ""
    kind: str = ""

    options: ClassVar[Any] = TaskOptions(executor="thread")

    def input(self) -> Any:
        trip(self.hook, "child's input", self.kind)

    def output(self) -> Any:
        return self.parent

    @property
    def tags(self) -> Any:
        trip(self.hook, "child's tags", self.kind)
        return set()

    @property
    def task_id(self) -> str:
        trip(self.hook, "child's task_id", self.kind)
        return super().task_id

    def run(self, input: Any, output: Any) -> None:
        trip(self.hook, "child's run", self.kind)
        output.store(self.n)


class Each:
    """An iterator that raises in the end, or at once."""

    def __init__(self, task: Dynamic):
        self._task = task
        self._left = [task.child()]

    def __iter__(self) -> Any:
        self._task._reach("generate's __iter__")
        return self

    def __next__(self) -> Any:
        self._task._reach("generate's __next__")
        if not self._left:
            self._task._reach("generate's last __next__")
            raise StopIteration
        return self._left.pop()


@dataclass(frozen=True, eq=False, repr=False)
class Dynamic(Hooked, DynamicTask):
    hook: str
    kind: str
    n: int
    pair: tuple[str, str] = field(default=("", ""), metadata={"encode": encode, "decode": tuple})
    value: Any = field(default=None, compare=False)

    def child(self) -> Child:
        own = self.build_output(Stored, key="n.json", hook=self.hook, kind=self.kind)
        return Child(own, self.n, self.hook, self.kind)

    def generate(self, input: Any, output: Any) -> Any:
        self._work()
        if isinstance(input, Output):
            input.load()
        return Each(self)


@dataclass(frozen=True, eq=False, repr=False)
class DynamicOnLoop(Dynamic):
    async def generate(self, input: Any, output: Any) -> Any:
        await asyncio.sleep(0)
        self._work()
        if isinstance(input, Output):
            await input.aload()
        return self._each()

    async def _each(self) -> Any:
        self._reach("generate's __next__")
        await asyncio.sleep(0)
        yield self.child()
        self._reach("generate's last __next__")


@dataclass(frozen=True)
class Good(Task):
    """A neighbour of another caller's."""

    n: int

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="good.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(self.n)


@dataclass(frozen=True)
class GoodInThread(Good):
    options: ClassVar[Any] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class GoodOnLoop(Good):
    async def run(self, input: Any, output: Any) -> None:  # type: ignore[override]
        await output.astore(self.n)


WHERE: dict[str, type[Any]] = {
    "process": InProcess,
    "thread": InThread,
    "loop, async": OnLoop,
    "loop, plain": PlainOnLoop,
    "dynamic": Dynamic,
    "dynamic, async": DynamicOnLoop,
}


def made(where: str, hook: str, kind: str, n: int) -> Any:
    """A task one of whose hooks raises."""
    pair = (hook, kind) if "field.encode" in hook else ("", "")
    value = Value(hook, kind) if "value." in hook else None
    task = WHERE[where](hook, kind, n, pair, value)
    task.__dict__["_made"] = True  # from now on its fields raise
    return task
