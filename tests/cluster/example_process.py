"""An example, run by an executor: ``python -m tests.cluster.example_process name storage process|dask|ray address``."""

import importlib
import sys
from pathlib import Path
from typing import Any

import alexflow
from alexflow.cluster import DaskExecutor, RayExecutor

EXAMPLES = Path(__file__).parents[2] / "examples"


def target_of(name: str) -> Any:
    """Return the target of an example: all of iris, and an eighth of the sweep."""
    sys.path.insert(0, str(EXAMPLES))
    example = importlib.import_module(name)
    if name == "sweep":
        return example.Search(example.Digits().output(), example.CANDIDATES[::8], 2)
    data = example.Dataset().output()
    train = example.Train(X=data.X_train, y=data.y_train, model="LogisticRegression", parameters={"max_iter": 1000})
    return example.Predict(X=data.X_test, model=train.output())


if __name__ == "__main__":
    _, name, storage, kind, address = sys.argv
    executor: Any = "process"
    if kind != "process":
        executor = DaskExecutor(f"tcp://{address}") if kind == "dask" else RayExecutor(address)
    alexflow.run(target_of(name), storage=storage, executor=executor, workers=2, progress=False)
