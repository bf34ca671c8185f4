"""Uses that must not pass: each line with ``# error`` is one for mypy and for pyright, and no other line is."""

from dataclasses import dataclass

from alexflow import BinaryOutput, LocalStorage, Output, Task, Workflow, WrapperTask


@dataclass(frozen=True)
class Count(Task):
    text: Output[str]

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput[int], key="count.pkl")


@dataclass(frozen=True)
class Name(Task):
    number: int

    def output(self) -> BinaryOutput[str]:
        return self.build_output(BinaryOutput[str], key="name.pkl")


@dataclass(frozen=True)
class Wrapper(WrapperTask):
    pass


name = Name(1)
count = Count(name.output())

Count(count.output())  # error: an Output[int] where an Output[str] is wanted
Count(name)  # error: a task where an output is wanted
Count("text")  # error
Count()  # error
Count(name.output(), 1)  # error
Count(name.output(), wrong=1)  # error
Count(name.output(), None)  # error: the base's own fields are keyword-only
Name("1")  # error
Name(None)  # error
wrong: int = name.output().load()  # error
text: Output[str] = count.output()  # error
name.number = 2  # error: frozen
name.task_id = "x"  # error
name.build_output(int, key="x")  # error: not a format
name.build_output(BinaryOutput)  # error
Wrapper(task=name.output())  # error
Workflow(tasks=[name])  # error
LocalStorage(1)  # error
count.output().nothing()  # error
