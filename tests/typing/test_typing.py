"""The API from outside, as mypy and pyright see it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
USES = [HERE / "right_uses.py", HERE / "wrong_uses.py"]
FORMATS = [HERE / "right_formats.py", HERE / "wrong_formats.py"]
FUNCTIONS = [HERE / "right_functions.py", HERE / "wrong_functions.py"]
LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def by_mypy(files: list[Path]) -> set[tuple[str, int]]:
    out = run("mypy", "--strict", "--no-error-summary", "--hide-error-context", *map(str, files))
    errors = [line.split(":", 3) for line in out.splitlines() if ": error:" in line]
    return {(Path(file).name, int(line)) for file, line, *_ in errors}


def by_pyright(files: list[Path]) -> set[tuple[str, int]]:
    out = run("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, files))
    found = json.loads(out)["generalDiagnostics"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found if one["severity"] == "error"}


@pytest.mark.typecheck
@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
@pytest.mark.parametrize("files", [USES, FORMATS, FUNCTIONS], ids=["uses", "formats", "functions"])
def test_right_uses_pass_and_wrong_ones_do_not(checker, files):
    for name in (checker.__name__.removeprefix("by_"), *(LIBRARIES if files is FORMATS else ())):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    wrong = files[1]
    lines = enumerate(wrong.read_text().splitlines(), start=1)
    expected = {(wrong.name, number) for number, line in lines if "# error" in line.partition('"""')[0]}
    assert len(expected) > 10
    assert checker(files) == expected
