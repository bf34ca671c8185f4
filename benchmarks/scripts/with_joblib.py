"""joblib where scikit-learn is: ``python with_joblib.py iris|sweep SIZE DIRECTORY SECONDS WORKERS``.

The environment of the peer called joblib has no scikit-learn, which brings joblib along.
"""

import sys

from joblib import Memory, Parallel, delayed

from benchmarks import training


def main(case: str, directory: str, workers: int) -> None:
    memory = Memory(directory, verbose=0)
    data = memory.cache(training.data)(case)
    score = memory.cache(training.score)
    scores = Parallel(n_jobs=workers)(delayed(score)(case, name, data) for name in training.MODELS[case])
    print(f'{{"value": {memory.cache(training.best)(scores)}}}')


if __name__ == "__main__":
    case, _, directory, _, workers = sys.argv[1:]
    main(case, directory, int(workers))
