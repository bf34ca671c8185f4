"""Search for a good network for handwritten digits: an Optuna study of 60 trials, two at once, hopeless ones pruned.

    python examples/search.py

Every trial is a task, which reports its accuracy after each epoch and is pruned if that is worse than others' at the
same epoch. The study is a dynamic task: it asks Optuna for parameters, waits for the trial that has them, and tells
Optuna what came of it. Kill it at any moment and start it again: the study goes on where it was, trials that are done
are found, and the two that were running go on behind their last epoch.

The networks are scikit-learn's, since the wheels of PyTorch bring gigabytes; docs/training-pytorch.md is about those.
"""

import argparse
import asyncio
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import alexflow
from alexflow import DynamicTask, JSONOutput, Task, Workers, current
from alexflow.events import TaskReported

EPOCHS = 12
AT_ONCE = 2


@dataclass(frozen=True)
class Trial(Task):
    """One network. What it has reached when it is pruned is its result as well."""

    width: int
    rate: float
    alpha: float

    def output(self) -> JSONOutput[dict[str, Any]]:
        return self.build_output(JSONOutput, key="result.json")

    def run(self, input: None, output: JSONOutput[dict[str, Any]]) -> None:
        X, y = load_digits(return_X_y=True)
        X, X_test, y, y_test = X[:1200] / 16, X[1200:] / 16, y[:1200], y[1200:]
        new = MLPClassifier((self.width,), learning_rate_init=self.rate, alpha=self.alpha, random_state=0)
        with current.checkpoint() as checkpoint:
            model, accuracies = checkpoint.load(default=(new, []))
            while len(accuracies) < EPOCHS and not current.should_stop:
                model.partial_fit(X, y, classes=np.arange(10))
                accuracies.append(model.score(X_test, y_test))
                checkpoint.save((model, accuracies))
                current.report(step=len(accuracies), of=EPOCHS, accuracy=accuracies[-1])
        if len(accuracies) == EPOCHS or current.pruned:  # else the run was stopped: another one goes on
            output.store({"accuracy": max(accuracies), "epochs": len(accuracies)})


@dataclass(frozen=True)
class Study(DynamicTask):
    """A study of so many trials. Stores them, the best first."""

    trials: int
    seed: int = 0

    def output(self) -> JSONOutput[list[dict[str, Any]]]:
        return self.build_output(JSONOutput, key="trials.json")

    async def generate(self, input: None, output: JSONOutput[list[dict[str, Any]]]) -> None:
        async with current.checkpoint("study") as checkpoint:
            search = Search(await checkpoint.aload(default=new_study(self.seed)), self.trials, checkpoint)
            watching = asyncio.create_task(search.prune())
            try:
                await asyncio.gather(*(search.work() for _ in range(AT_ONCE)))
            finally:
                watching.cancel()
        await output.astore(sorted(search.done, key=lambda row: -row["accuracy"]))


def new_study(seed: int) -> optuna.Study:
    sampler = optuna.samplers.TPESampler(seed=seed)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.set_user_attr("done", [])
    return study


class Search:
    """A study that goes on."""

    def __init__(self, study: optuna.Study, trials: int, checkpoint: Any):
        self.study = study
        self.left = trials - len(study.trials)
        self.checkpoint = checkpoint
        self.done: list[dict[str, Any]] = list(study.user_attrs["done"])
        # those that were running when it was killed are the first to go on
        running = study.get_trials(states=[optuna.trial.TrialState.RUNNING])
        self.interrupted = [optuna.Trial(study, each._trial_id) for each in running]
        self.running: dict[str, optuna.Trial] = {}

    async def work(self) -> None:
        """Make one trial after the other."""
        while (trial := self.next_trial()) is not None:
            task = Trial(
                trial.suggest_int("width", 4, 128, log=True),
                trial.suggest_float("rate", 1e-5, 0.1, log=True),
                trial.suggest_float("alpha", 1e-6, 1.0, log=True),
            )
            await self.checkpoint.asave(self.study)  # its parameters are known from now on
            self.running[task.task_id] = trial
            result = await current.engine.load(task.output())  # computed, or found
            del self.running[task.task_id]
            if result["epochs"] < EPOCHS:
                self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                self.study.tell(trial, result["accuracy"])
            self.done.append({"number": trial.number, **asdict(task), **result})
            self.study.set_user_attr("done", self.done)
            await self.checkpoint.asave(self.study)

    def next_trial(self) -> optuna.Trial | None:
        if self.interrupted:
            return self.interrupted.pop()
        self.left -= 1
        return self.study.ask() if self.left >= 0 else None

    async def prune(self) -> None:
        """Listen to what trials report."""
        async for event in current.engine.events():
            trial = self.running.get(event.task_id) if isinstance(event, TaskReported) else None
            if trial is not None and event.step is not None:
                trial.report(event.values["accuracy"], event.step)
                if trial.should_prune():
                    current.engine.prune(event.task_id, reason="below the median")


def quiet() -> None:
    """Prepare each worker: networks that have not converged are wanted here."""
    import warnings

    warnings.filterwarnings("ignore", module="sklearn")


def main() -> None:
    parser = argparse.ArgumentParser(description="Search for a good network for handwritten digits.")
    parser.add_argument("--storage", default=".alexflow", help="where results are kept (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    workers = Workers(AT_ONCE, initializer=quiet)
    result = alexflow.run(Study(arguments.trials), storage=arguments.storage, workers=workers, progress=True)

    rows = result.output.load()
    pruned = sum(row["epochs"] < EPOCHS for row in rows)
    print(f"{len(rows)} trials, {pruned} of them pruned: {result}")
    for row in rows[:3]:
        print(f"{row['accuracy']:.4f}  width {row['width']:3}  rate {row['rate']:.5f}  alpha {row['alpha']:.6f}")


if __name__ == "__main__":
    main()
