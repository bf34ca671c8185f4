"""A dynamic task whose outputs are stored by tasks that it gives, beside one that may fail or hang."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alexflow import DynamicTask, JSONOutput, Output, Retry, Task, TaskOptions
from tests.kit.fifo import send_line_and_wait


def note(log: str, line: str) -> None:
    """Write down that something ran."""
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(fd, f"{line}\n".encode())
    finally:
        os.close(fd)


@dataclass(frozen=True)
class Setting:
    """Files by which a test directs the tasks; no part of an id."""

    log: str
    bad: str = ""  #: While this file exists, the sibling fails.
    told: str = ""  #: The sibling says here that it runs, and waits at the next one.
    gate: str = ""
    value: str = "all customers done"


@dataclass(frozen=True)
class Logged(Task):
    setting: Setting = field(compare=False)

    def work(self, output: Any) -> None:
        note(self.setting.log, type(self).__name__)


@dataclass(frozen=True)
class Sibling(Logged):
    """A task that the dynamic task gives besides."""

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="sibling.json")

    def run(self, input: None, output: Output[int]) -> None:
        note(self.setting.log, "Sibling")
        if self.setting.told:
            send_line_and_wait(self.setting.told, os.getpid(), self.setting.gate)
        if os.path.exists(self.setting.bad):
            raise ValueError("the disk of customer 7 is broken")
        output.store(7)


@dataclass(frozen=True)
class SiblingInThread(Sibling):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class Report(Logged):
    """Stores an output of the dynamic task, in a worker process."""

    out: Output[str]

    def output(self) -> Output[str]:
        return self.out

    def run(self, input: None, output: Output[str]) -> None:
        note(self.setting.log, type(self).__name__)
        output.store(self.setting.value)


@dataclass(frozen=True)
class ReportInThread(Report):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class ReportOnLoop(Report):
    async def run(self, input: None, output: Output[str]) -> None:  # type: ignore[override]
        await asyncio.to_thread(note, self.setting.log, type(self).__name__)
        await output.astore(self.setting.value)


@dataclass(frozen=True)
class ReportStreamed(Report):
    """In pieces."""

    def run(self, input: None, output: Output[str]) -> None:
        note(self.setting.log, type(self).__name__)
        with output.open("wb") as file:
            data = output.encode(self.setting.value)
            for piece in (data[:5], data[5:]):
                file.write(piece)


@dataclass(frozen=True)
class Appendix(Report):
    """Stores the second output, and one of its own."""

    def output(self) -> Any:
        return self.out, self.build_output(JSONOutput[int], key="own.json")

    def run(self, input: None, output: Any) -> None:
        note(self.setting.log, type(self).__name__)
        output[0].store("see above")
        output[1].store(1)


@dataclass(frozen=True)
class ReportThroughOther(DynamicTask):
    """A dynamic task that has the output stored by one that it gives in turn."""

    setting: Setting = field(compare=False)
    out: Output[str]

    def output(self) -> Output[str]:
        return self.out

    def generate(self, input: None, output: Output[str]) -> Iterator[Task]:
        yield Report(self.setting, self.out)


KINDS: dict[str, Any] = {
    cls.__name__: cls for cls in (Report, ReportInThread, ReportOnLoop, ReportStreamed, ReportThroughOther)
}


@dataclass(frozen=True)
class Customers(DynamicTask):
    """Done when its report and appendix are stored and its sibling has run."""

    setting: Setting = field(compare=False)
    kind: str = "Report"
    in_thread: bool = False
    retry: ClassVar[Retry] = Retry(0)

    def output(self) -> Any:
        return {
            "report": self.build_output(JSONOutput[str], key="report.json"),
            "appendix": self.build_output(JSONOutput[str], key="appendix.json"),
        }

    def generate(self, input: None, output: Any) -> Iterator[Task | DynamicTask]:
        mine = self.output()
        yield KINDS[self.kind](self.setting, mine["report"])
        yield (AppendixInThread if self.in_thread else Appendix)(self.setting, mine["appendix"])
        yield (SiblingInThread if self.in_thread else Sibling)(self.setting)


@dataclass(frozen=True)
class AppendixInThread(Appendix):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")


@dataclass(frozen=True)
class Mail(Task):
    """Downstream of it all."""

    report: Any
    log: str = field(compare=False)

    def input(self) -> Any:
        return self.report

    def output(self) -> Output[str]:
        return self.build_output(JSONOutput[str], key="mail.json")

    async def run(self, input: Any, output: Output[str]) -> None:  # type: ignore[override]
        await asyncio.to_thread(note, self.log, "Mail")
        await output.astore(f"sent: {await input.aload()}")


def mail(setting: Setting, **more: Any) -> Mail:
    """The mail with the report."""
    return Mail(Customers(setting, **more).output()["report"], setting.log)
