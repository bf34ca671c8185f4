"""Training with scikit-learn, small and middling: what the cases ``iris`` and ``sweep`` of ``script`` do, plainly."""

from __future__ import annotations

from typing import Any

from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

#: The models of each case, by name; all are trained on the same data.
MODELS: dict[str, dict[str, Any]] = {
    "iris": {"logistic": LogisticRegression(max_iter=1000), "svc": SVC(), "knn": KNeighborsClassifier()},
    "sweep": {
        **{f"svc-{C}": SVC(C=C, gamma=1e-3) for C in (0.1, 0.3, 1, 3, 10, 30, 100, 300)},
        **{f"knn-{k}": KNeighborsClassifier(k) for k in (1, 2, 3, 4, 5, 7, 9, 11)},
        **{f"ridge-{alpha}": RidgeClassifier(alpha) for alpha in (0.1, 0.3, 1, 3, 10, 30, 100, 300)},
    },
}


def data(case: str) -> list[Any]:
    """Training and test data."""
    X, y = (load_iris if case == "iris" else load_digits)(return_X_y=True)
    parts: list[Any] = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    return parts


def score(case: str, name: str, parts: list[Any]) -> int:
    """Train a model; how many of the test data it gets right."""
    X_train, X_test, y_train, y_test = parts
    model = MODELS[case][name].fit(X_train, y_train)
    return int((model.predict(X_test) == y_test).sum())


def best(scores: list[int]) -> int:
    """The best score."""
    return max(scores)
