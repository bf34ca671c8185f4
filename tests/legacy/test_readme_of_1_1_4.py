"""The example in the README of alexflow 1.1.4, as that version's package brings it along, runs unchanged."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.legacy.peer import VARIABLE

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no Python with alexflow 1.1.4")

README = "from importlib.metadata import metadata; print(metadata('alexflow').get_payload())"

AROUND = """
import alexflow
from sklearn.datasets import load_iris


@dataclass(frozen=True)
class Column(Task):
    name: NoDefaultVar[str] = no_default

    def output(self):
        return self.build_output(BinaryOutput, key="column.pkl")

    def run(self, input, output):
        output.store(getattr(load_iris(), self.name))


if __name__ == "__main__":
    X, y = Column(name="data").output(), Column(name="target").output()
    result = alexflow.run(Train(X=X, y=y, model_type="LinearRegression"), storage="store", progress=False)
    print(type(result.output.load()).__name__, result.ran)
"""


def test_it_runs(tmp_path):
    pytest.importorskip("sklearn")
    readme = subprocess.run([os.environ[VARIABLE], "-c", README], capture_output=True, text=True, check=True).stdout
    (example,) = re.findall(r"```python\n(.*?class Train.*?)```", readme, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example + AROUND)
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "LinearRegression 3\n", done.stderr
