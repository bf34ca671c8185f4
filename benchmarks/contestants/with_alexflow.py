"""alexflow itself."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import alexflow
import alexflow.engine.embedded  # else imported when first used, which would be timed
from alexflow.engine.garbage import RUN_GC_THRESHOLD
from benchmarks import waiting, work, workloads
from benchmarks.measure import Stopwatch
from benchmarks.protocol import Growth, answer, parser, unsupported
from benchmarks.storages import STORAGES


class Job:
    """Cases in one storage, each giving what the root stored; the time, and how many tasks ran.

    Args:
        storage: where results go.
        workers: worker processes.
        anew: whether what exists is described again within the time, as in a new process, or only the new root is.
        record: whether a record is written.
        warm: whether fan, chain and layered find an engine that is open and whose workers have run tasks of the same
            classes, as in a service, or start one within the time and stop it, as ``alexflow.run`` does.
    """

    def __init__(
        self,
        storage: alexflow.LocalStorage,
        workers: int,
        anew: bool = False,
        warm: bool = False,
        record: bool = True,
    ):
        self._storage = storage
        self._workers = workers
        self._anew = anew
        self._warm = warm
        self._record = record
        self.watch = Stopwatch()
        self.described: float | None = None
        self.executed = 0

    # -- ways to run

    def _run(self, target: Any) -> Any:
        """The bound outputs of a target, once they exist."""
        result = alexflow.run(target, storage=self._storage, workers=self._workers, progress=False, record=self._record)
        self.watch.stop()
        self.executed = result.ran
        return result.output

    def _run_warm(self, describe: Callable[[], Any]) -> Any:
        """The same on an engine that has run something else before.

        It looks for cyclic garbage as seldom as ``run`` does, which leaves that to the application if it keeps an
        engine open.
        """

        async def main() -> Any:
            async with alexflow.Engine(self._storage, workers=self._workers) as engine:
                # until the workers are there; then until they have met the classes
                await engine.run([workloads.Burn(-1 - number, 0.02) for number in range(self._workers)])
                await engine.run(workloads.few_of_each())
                target = self._described(describe)
                gc.set_threshold(RUN_GC_THRESHOLD)
                result = await engine.run(target)
                self.watch.stop()
                self.executed = result.ran
                return result.output

        return asyncio.run(main())

    def _described(self, describe: Callable[[], Any]) -> Any:
        """A target, with whose description the time begins."""
        self.watch.restart()
        only = Stopwatch()
        target = describe()
        only.stop()
        self.described = only.seconds
        return target

    def _run_described(self, describe: Callable[[], Any]) -> Any:
        """The same of a target that is described within the time, cold or warm."""
        return self._run_warm(describe) if self._warm else self._run(self._described(describe))

    def _load_first(self, output: Any) -> Any:
        """The value of an output; the engine's end is not timed."""

        async def main() -> Any:
            async with alexflow.Engine(self._storage, workers=self._workers) as engine:
                value = await engine.load(output)
                self.watch.stop()
                return value

        return asyncio.run(main())

    def _store(self, values: dict[Any, int]) -> None:
        """Make outputs exist, without an engine."""
        self._storage.prepare()
        for output, value in values.items():
            output.assign_storage(self._storage).store(value)

    # -- the cases

    def fan(self, size: int) -> int:
        value: int = self._run_described(lambda: workloads.fan(size)).load()
        return value

    def fan_on_the_loop(self, size: int) -> int:
        value: int = self._run(self._described(lambda: waiting.fan(size))).load()
        return value

    def chain(self, size: int) -> int:
        value: int = self._run_described(lambda: workloads.chain(size)).load()
        return value

    def layered(self, size: int) -> int:
        value: int = self._run_described(lambda: workloads.layered(size)).load()
        return value

    def grow(self, size: int) -> int:
        outputs: list[Any] = [workloads.Leaf(number).output() for number in range(size)]
        self._store({output: work.leaf(number) for number, output in enumerate(outputs)})
        self.watch.restart()
        if self._anew:
            outputs = [workloads.Leaf(number).output() for number in range(size)]
        value: int = self._run(workloads.Count(outputs)).load()
        return value

    def rerun(self, size: int) -> int:
        target = workloads.fan(size)
        leaves = {output: work.leaf(number) for number, output in enumerate(target.parts)}
        self._store({**leaves, target.output(): work.total(leaves.values())})
        self.watch.restart()
        if self._anew:
            target = workloads.fan(size)
        value: int = self._run(target).load()
        return value

    def waiting(self, size: int, seconds: float) -> int:
        self.watch.restart()
        return _total(self._run([waiting.Wait(number, seconds) for number in range(size)]))

    def burning(self, size: int, seconds: float) -> int:
        return _total(self._run_warm(lambda: [workloads.Burn(number, seconds) for number in range(size)]))

    def start(self, size: int) -> int:
        self.watch.restart()
        value: int = self._load_first(workloads.Leaf(size).output())
        return value


def _total(outputs: list[Any]) -> int:
    return sum(output.load() for output in outputs)


def main() -> None:
    """Do what the arguments say."""
    arguments = parser(description=__doc__)
    arguments.add_argument("--executor", choices=("process", "loop"), default="process", help="for fan")
    arguments.add_argument("--anew", action="store_true", help="for grow and rerun: describe existing outputs again")
    arguments.add_argument("--warm", action="store_true", help="for fan, chain and layered: on an engine that is open")
    arguments.add_argument("--unrecorded", action="store_true", help="without a record: for fan, chain and layered")
    arguments.add_argument("--storage", choices=STORAGES, default="plain", help="how to store")
    options = arguments.parse_args()
    growth = Growth()
    storage = STORAGES[options.storage](options.directory / "storage")
    job = Job(storage, options.workers, options.anew, options.warm, record=not options.unrecorded)
    if options.warm and (options.case not in ("fan", "chain", "layered") or options.executor == "loop"):
        unsupported("only fan, chain and layered in processes are run warm")
    if options.executor == "loop":
        if options.case != "fan":
            unsupported("on the loop there is only the fan")
        value = job.fan_on_the_loop(options.size)
    elif options.case == "async":
        value = job.waiting(options.size, options.seconds)
    elif options.case == "cpu":
        value = job.burning(options.size, options.seconds)
    else:
        cases = {"fan": job.fan, "chain": job.chain, "layered": job.layered}
        cases |= {"grow": job.grow, "rerun": job.rerun, "start": job.start}
        value = cases[options.case](options.size)
    tasks = work.tasks_of(options.case, options.size)
    answer(job.watch.seconds, tasks, value, growth.peak_mib, executed=job.executed, described=job.described)


if __name__ == "__main__":
    main()
