"""Search for a good network for handwritten digits: an Optuna study of 60 trials, two at once, hopeless ones pruned.

    python examples/search.py

Every trial is a task, which reports its accuracy after each epoch and is pruned if that is worse than others' at the
same epoch. The study is a dynamic task: it asks Optuna for parameters, waits for the trial that has them, and tells
Optuna what came of it. Kill it at any moment and start it again: the study goes on where it was, trials that are done
are found, and the two that were running go on behind their last epoch.

The networks are PyTorch's, or scikit-learn's with ``--library sklearn`` and where PyTorch is not installed.
"""

import argparse
import asyncio
import importlib.util
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import optuna
from sklearn.datasets import load_digits

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
    decay: float

    def output(self) -> JSONOutput[dict[str, Any]]:
        return self.build_output(JSONOutput, key="result.json")

    def run(self, input: None, output: JSONOutput[dict[str, Any]]) -> None:
        X, y = load_digits(return_X_y=True)
        X, X_test, y, y_test = X[:1200] / 16, X[1200:] / 16, y[:1200], y[1200:]
        with current.checkpoint() as checkpoint:
            network, accuracies = checkpoint.load(default=(self.new(), []))
            while len(accuracies) < EPOCHS and not current.should_stop:
                accuracies.append(self.train(network, len(accuracies), X, y, X_test, y_test))
                checkpoint.save((network, accuracies))
                current.report(step=len(accuracies), of=EPOCHS, accuracy=accuracies[-1])
        if len(accuracies) == EPOCHS or current.pruned:  # else the run was stopped: another one goes on
            output.store({"accuracy": max(accuracies), "epochs": len(accuracies)})

    def new(self) -> Any:
        """Make a network that has seen nothing, with all that it is trained with."""
        raise NotImplementedError

    def train(self, network: Any, epoch: int, X: Any, y: Any, X_test: Any, y_test: Any) -> float:
        """Train for an epoch, and return the accuracy after it."""
        raise NotImplementedError


class TorchTrial(Trial):
    """A network of PyTorch."""

    def new(self) -> Any:
        import torch

        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(64, self.width), torch.nn.ReLU(), torch.nn.Linear(self.width, 10))
        return model, torch.optim.AdamW(model.parameters(), lr=self.rate, weight_decay=self.decay)

    def train(self, network: Any, epoch: int, X: Any, y: Any, X_test: Any, y_test: Any) -> float:
        import torch

        model, optimizer = network
        images, digits = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
        torch.manual_seed(epoch)  # the same order of images, wherever this is the epoch with which a trial goes on
        for batch in torch.randperm(len(images)).split(50):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), digits[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            answers = model(torch.tensor(X_test, dtype=torch.float32)).argmax(dim=1)
        return float(np.mean(answers.numpy() == y_test))


class ScikitTrial(Trial):
    """A network of scikit-learn."""

    def new(self) -> Any:
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier((self.width,), learning_rate_init=self.rate, alpha=self.decay, random_state=0)

    def train(self, network: Any, epoch: int, X: Any, y: Any, X_test: Any, y_test: Any) -> float:
        network.partial_fit(X, y, classes=np.arange(10))
        return float(network.score(X_test, y_test))


LIBRARIES = {"torch": TorchTrial, "sklearn": ScikitTrial}


@dataclass(frozen=True)
class Study(DynamicTask):
    """A study of so many trials. Stores them, the best first."""

    trials: int
    of: type[Trial]
    seed: int = 0

    def output(self) -> JSONOutput[list[dict[str, Any]]]:
        return self.build_output(JSONOutput, key="trials.json")

    async def generate(self, input: None, output: JSONOutput[list[dict[str, Any]]]) -> None:
        async with current.checkpoint("study") as checkpoint:
            search = Search(await checkpoint.aload(default=new_study(self.seed)), self.trials, self.of, checkpoint)
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

    def __init__(self, study: optuna.Study, trials: int, of: type[Trial], checkpoint: Any):
        self.study = study
        self.of = of
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
            task = self.of(
                trial.suggest_int("width", 4, 128, log=True),
                trial.suggest_float("rate", 1e-5, 0.1, log=True),
                trial.suggest_float("decay", 1e-6, 1.0, log=True),
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
    installed = "sklearn" if importlib.util.find_spec("torch") is None else "torch"
    parser.add_argument("--library", choices=LIBRARIES, default=installed, help="of the networks (here: %(default)s)")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    study = Study(arguments.trials, LIBRARIES[arguments.library])
    workers = Workers(AT_ONCE, initializer=quiet)
    result = alexflow.run(study, storage=arguments.storage, workers=workers, progress=True)

    rows = result.output.load()
    pruned = sum(row["epochs"] < EPOCHS for row in rows)
    print(f"{len(rows)} trials, {pruned} of them pruned: {result}")
    for row in rows[:3]:
        print(f"{row['accuracy']:.4f}  width {row['width']:3}  rate {row['rate']:.5f}  decay {row['decay']:.6f}")


if __name__ == "__main__":
    main()
