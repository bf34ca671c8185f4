"""Wrong use: one clear line, exit code 2, no traceback. Each case is a process of its own."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes

#: What is typed, and what the line says.
CASES = {
    "no such command": (["rnu", "pipeline:train"], "there is no command 'rnu'; did you mean run?"),
    "no such option": (["verify", "--quarantin"], "takes no '--quarantin'"),
    "no target": (["run"], "arguments are required: TARGET"),
    "no such module": (["run", "nowhere:train"], "there is no module 'nowhere'"),
    "no such script": (["run", "nowhere.py:train"], "there is no file nowhere.py"),
    "a module that fails to import": (["run", "raises:train"], "raises cannot be imported: ZeroDivisionError"),
    "a module that exits": (["run", "exits.py:train"], "cannot be imported: SystemExit: 3"),
    "a module that is no Python": (["plan", "garbled:train"], "garbled cannot be imported: SyntaxError"),
    "a module whose import is missing": (["plan", "imports:x"], "No module named 'not_installed'"),
    "no such name": (["run", "pipeline:trian"], "pipeline has no 'trian'; did you mean train?"),
    "no name": (["run", "pipeline:"], "name what is meant in pipeline"),
    "no target at all": (["run", "pipeline:number"], "cannot run a int"),
    "nothing returned": (["run", "pipeline:nothing"], "cannot run None"),
    "a function that raises": (["run", "pipeline:broken"], "broken raised RuntimeError: not today"),
    "an async function": (["run", "pipeline:later"], "pipeline:later is async"),
    "no such field": (["run", "pipeline:train", "--dept", "5"], "train has no field 'dept'; did you mean depth?"),
    "a missing field": (["run", "pipeline:Numbers"], "Numbers needs --count (int)"),
    "a value of the wrong type": (["run", "pipeline:train", "--depth", "x"], "train.depth is a value of type int"),
    "a nested value": (["run", "pipeline:Everything", "--config.depth", "x"], "Config.depth is a value of type int"),
    "a choice": (["run", "pipeline:Everything", "--choice", "c"], "Everything.choice is one of a, b"),
    "no JSON": (["run", "pipeline:Everything", "--layers", "[1"], "'[1' is not JSON"),
    "a field given twice": (["run", "pipeline:train", "--depth", "1", "--depth=2"], "depth is given twice"),
    "a word too many": (["run", "pipeline:train", "depth=5"], "'depth=5' is no field"),
    "a bad assignment": (["run", "pipeline:train", "--set", "depth"], "--set takes NAME=VALUE"),
    "fields of what has none": (["plan", "pipeline:workflow", "--depth", "5"], "takes no fields"),
    "a bad limit": (["run", "pipeline:train", "--limit", "gpu"], "--limit takes TAG=N"),
    "a bad number of workers": (["run", "pipeline:train", "--workers", "0"], "workers must be a whole number"),
    "force of what is no class": (["run", "pipeline:train", "--force-class", "pipeline:train"], "takes a task class"),
    "no storage there": (["verify", "--storage", "nowhere"], "there is no storage in"),
    "a storage URL with a slash too few": (["plan", "pipeline:train", "--storage", "s3:/b"], "lacks a slash"),
    "one storage twice": (["copy", "there", "./there"], "are one storage"),
    "no such storage to copy": (["copy", "nowhere", "there"], "there is no storage in"),
    "a format that a name does not say": (["graph", "pipeline:train", "-o", "graph.bmp"], "says no format"),
    "paths between what is not connected": (
        ["graph", "pipeline:train", "--from", "Train", "--to", "Numbers"],
        "does not depend on",
    ),
    "an end that is not in the graph": (["graph", "pipeline:train", "--from", "Fit"], "'Fit' is none of them"),
    "a pyproject.toml that cannot be read": (["plan", "pipeline:train"], "pyproject.toml cannot be read"),
}


@pytest.fixture
def directory(shell: Shell) -> Shell:
    """With modules that are wrong, and a storage."""
    modules = {"raises": "1 / 0", "exits": "raise SystemExit(3)", "garbled": "def", "imports": "import not_installed"}
    for name, source in modules.items():
        (shell.directory / f"{name}.py").write_text(source)
    (shell.directory / "there").mkdir()
    return shell


@pytest.mark.parametrize("case", CASES)
def test_one_clear_line(case: str, directory: Shell) -> None:
    words, says = CASES[case]
    if "pyproject" in case:
        (directory.directory / "pyproject.toml").write_text("[tool")
    answer = directory(*words, code=2)
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("alexflow: ")
    assert says in line
