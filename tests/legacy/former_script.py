"""A script as people wrote them for alexflow 1.1.4: ``python former_script.py STORE LOG NUMBER``; prints the sum."""

import sys
from dataclasses import dataclass
from typing import List

from alexflow.adapters.executor.alexflow import run_job
from alexflow.adapters.storage.local_storage import LocalStorage
from alexflow.core import BinaryOutput, JSONOutput, NoDefaultVar, Output, Task, no_default
from alexflow.helper import load_output


@dataclass(frozen=True)
class Square(Task):
    number: NoDefaultVar[int] = no_default
    log: NoDefaultVar[str] = no_default

    @property
    def tags(self):
        return {"r"}

    def output(self):
        return self.build_output(BinaryOutput, key="square.pkl")

    def run(self, input, output):
        with open(self.log, "a") as log:
            log.write(f"{self.number}\n")
        output.store(self.number**2)


@dataclass(frozen=True)
class Sum(Task):
    parts: NoDefaultVar[List[Output]] = no_default

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(JSONOutput, key="sum.json.gz")

    def run(self, input, output):
        output.store({"sum": sum(part.load() for part in input)})


if __name__ == "__main__":
    store, log, number = sys.argv[1:]
    storage = LocalStorage(base_path=store)
    squares = [Square(number=each, log=log) for each in range(int(number))]
    task = Sum(parts=[square.output() for square in squares])
    run_job(task, storage, n_jobs=2, resources={"r": 1})
    print(load_output(task.output(), storage))
