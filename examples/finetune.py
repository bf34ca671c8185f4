"""Fine-tune a network: trained on plenty of shifted digits first, then on a few real ones; and one that was not.

    python examples/finetune.py

Both trainings keep a checkpoint, report each epoch, and stop in time when they are asked to: press Ctrl-C at any moment
and start it again, and it goes on behind the last epoch. Another fine-tuning of the same network finds it trained.
"""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import alexflow
from alexflow import BinaryOutput, JSONOutput, Output, Task, current

SHOTS = 5  # real images of each digit to be fine-tuned with


def real() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def few() -> npt.NDArray[Any]:
    """The places of a few images of each digit."""
    _, y = real()
    return np.concatenate([np.flatnonzero(y == digit)[:SHOTS] for digit in range(10)])


def shifted(generator: np.random.Generator, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Images that were shifted by up to two pixels and are noisy: like the real ones, and not the same."""
    X, y = real()
    places = generator.integers(1000, len(X), count)
    images = X[places].reshape(-1, 8, 8)
    moved = [np.roll(image, generator.integers(-2, 3, 2), (0, 1)) for image in images]
    return np.array(moved).reshape(-1, 64) + generator.normal(0, 0.3, (count, 64)), y[places]


def train(model: MLPClassifier, epochs: int, batch_of: Any, seed: int) -> MLPClassifier | None:
    """Train epoch by epoch, from the checkpoint on if there is one. None if it is to stop before the end."""
    new = (model, 0, np.random.default_rng(seed))
    with current.checkpoint() as checkpoint:
        model, epoch, generator = checkpoint.load(default=new)
        while epoch < epochs:
            if current.should_stop:
                return None
            model.partial_fit(*batch_of(generator), classes=np.arange(10))
            epoch += 1
            checkpoint.save((model, epoch, generator))  # the generator, too: what comes next depends on it
            current.report(step=epoch, of=epochs, loss=model.loss_)
    return model


@dataclass(frozen=True)
class Pretrain(Task):
    """A network that has seen many images which are not quite real."""

    width: int
    epochs: int = 60
    seed: int = 0

    def output(self) -> BinaryOutput[Any]:
        return self.build_output(BinaryOutput, key="model.pkl")

    def run(self, input: None, output: BinaryOutput[Any]) -> None:
        model = MLPClassifier((self.width,), random_state=self.seed)
        trained = train(model, self.epochs, lambda generator: shifted(generator, 1000), self.seed)
        if trained is not None:
            output.store(trained)


@dataclass(frozen=True)
class FineTune(Task):
    """A network, tuned with a few real images, and its accuracy on the others. Without one it starts from nothing."""

    base: Output[Any] | None
    rate: float
    epochs: int = 30

    def input(self) -> Output[Any] | None:
        return self.base

    def output(self) -> JSONOutput[dict[str, float]]:
        return self.build_output(JSONOutput, key="accuracy.json")

    def run(self, input: Output[Any] | None, output: JSONOutput[dict[str, float]]) -> None:
        X, y = real()
        model = MLPClassifier((64,), random_state=0) if input is None else input.load()
        before = 0.1 if input is None else model.score(X[:1000], y[:1000])
        model.set_params(learning_rate_init=self.rate)
        vars(model).pop("_optimizer", None)  # it has the rate with which it was made; the next step makes another
        trained = train(model, self.epochs, lambda generator: (X[few()], y[few()]), seed=0)
        if trained is not None:
            rest = np.setdiff1d(np.arange(1000), few())
            output.store({"before": before, "after": trained.score(X[rest], y[rest])})


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune a network with few images of handwritten digits.")
    parser.add_argument("--storage", default=".alexflow", help="where results are kept (default: %(default)s)")
    arguments = parser.parse_args()

    base = Pretrain(64).output()
    tasks = [FineTune(start, rate) for start in (None, base) for rate in (0.0003, 0.003)]
    result = alexflow.run(tasks, storage=arguments.storage, progress=True, grace=10)

    print(result)
    print(f"{'starts from':<14} {'rate':<8} {'before':<8} after")
    for task, output in zip(tasks, result.output, strict=True):
        row = output.load()
        start = "nothing" if task.base is None else "the network"
        print(f"{start:<14} {task.rate:<8} {row['before']:<8.3f} {row['after']:.3f}")


if __name__ == "__main__":
    main()
