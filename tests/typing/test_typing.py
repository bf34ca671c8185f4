"""The API from outside, as mypy and pyright see it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WRONG = HERE / "wrong_uses.py"
RIGHT = HERE / "right_uses.py"


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def by_mypy() -> set[tuple[str, int]]:
    out = run("mypy", "--strict", "--no-error-summary", "--hide-error-context", str(RIGHT), str(WRONG))
    errors = [line.split(":", 3) for line in out.splitlines() if ": error:" in line]
    return {(Path(file).name, int(line)) for file, line, *_ in errors}


def by_pyright() -> set[tuple[str, int]]:
    out = run("pyright", "--outputjson", "--pythonpath", sys.executable, str(RIGHT), str(WRONG))
    found = json.loads(out)["generalDiagnostics"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found if one["severity"] == "error"}


@pytest.mark.typecheck
@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
def test_right_uses_pass_and_wrong_ones_do_not(checker):
    name = checker.__name__.removeprefix("by_")
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    lines = enumerate(WRONG.read_text().splitlines(), start=1)
    expected = {(WRONG.name, number) for number, line in lines if "# error" in line.partition('"""')[0]}
    assert len(expected) > 10
    assert checker() == expected
