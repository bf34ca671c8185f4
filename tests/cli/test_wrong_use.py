"""Wrong use: one clear line, exit code 2, no traceback. Each case is a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import PIPELINE, Shell

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
    "no target at all": (["run", "pipeline:number"], "an object of type int is no target"),
    "nothing returned": (["run", "pipeline:nothing"], "None is no target"),
    "a function that raises": (["run", "pipeline:broken"], "broken raised RuntimeError: not today"),
    "an async function": (["run", "pipeline:later"], "pipeline:later is async"),
    "no such field": (["run", "pipeline:train", "--dept", "5"], "train has no field 'dept'; did you mean depth?"),
    "a missing field": (["run", "pipeline:Numbers"], "Numbers needs --count (int)"),
    "a value of the wrong type": (["run", "pipeline:train", "--depth", "x"], "train.depth is a value of type int"),
    "a nested value": (["run", "pipeline:Everything", "--config.depth", "x"], "Config.depth is a value of type int"),
    "a choice": (["run", "pipeline:Everything", "--choice", "c"], "Everything.choice is one of a, b"),
    "no JSON": (["run", "pipeline:Everything", "--layers", "[1"], "'[1' is not JSON"),
    "a field given twice": (["run", "pipeline:train", "--depth", "1", "--depth=2"], "depth is given twice"),
    "no flag to be taken back": (["run", "pipeline:train", "--no-depth"], "train.depth is no flag"),
    "a word too many": (["run", "pipeline:train", "depth=5"], "'depth=5' is not a field"),
    "a bad assignment": (["run", "pipeline:train", "--set", "depth"], "--set takes NAME=VALUE"),
    "fields of what has none": (["plan", "pipeline:workflow", "--depth", "5"], "takes no fields"),
    "a bad limit": (["run", "pipeline:train", "--limit", "gpu"], "--limit takes TAG=N"),
    "a bad number of workers": (["run", "pipeline:train", "--workers", "0"], "workers must be a whole number"),
    "force of what is no class": (["run", "pipeline:train", "--force-class", "pipeline:train"], "takes a task class"),
    "no storage there": (["verify", "--storage", "nowhere"], "there is no storage in"),
    "no storage there, and one beside it": (["runs"], "there is one in made: --storage made"),
    "a storage URL with a slash too few": (["plan", "pipeline:train", "--storage", "s3:/b"], "lacks a slash"),
    "an unknown key": (
        ["show", "Train.0123", "--storage", "made"],
        "'Train.0123'",
    ),
    "a key where there is no record": (
        ["show", "Train.0123", "--storage", "there"],
        "/there has nothing of 'Train.0123'; no engine has written a record there",
    ),
    "an unknown run": (["log", "1999", "--storage", "made"], "has no run '1999'"),
    "a storage without a record": (["runs", "--storage", "there"], "has no record, and so no runs"),
    "a log of a storage without a record": (["log", "--storage", "there"], "has no record, and so no log"),
    "two classes": (["find", "Train", "Numbers", "--storage", "made"], "takes one class"),
    "a condition without a value": (["find", "Train", "depth<", "--storage", "made"], "depth< compares with nothing"),
    "an empty key": (["show", "", "--storage", "made"], "has nothing of ''"),
    "a bad age": (["find", "--newer", "yesterday", "--storage", "made"], "--newer takes a duration"),
    "a bad size": (["find", "--larger", "20", "--storage", "made"], "--larger takes a size"),
    "a bad pattern": (["find", "kind~=(", "--storage", "made"], "no regular expression"),
    "fields of a key to explain": (["explain", "pipeline", "--set", "a=1", "--storage", "made"], "name a class"),
    "fields of a key to draw": (["graph", "Train.", "--mermaid", "--storage", "made"], "name a class to draw another"),
    "a variant without the code": (
        ["run", "Numbers", "--set", "count=3", "--storage", "made"],
        "pipeline.Numbers cannot be made",
    ),
    "a removal of nothing in particular": (["gc", "--apply", "--storage", "made"], "say what is to go"),
    "a merge with a removal": (
        ["gc", "--merge-segments", "--older-than", "1d", "--storage", "made"],
        "removes no output",
    ),
    "a picture that cannot be written": (["graph", "pipeline:train", "-o", "nowhere/x.svg"], "cannot be written"),
    "a sample of a word": (["reproduce", "--sample", "all", "--storage", "made"], "--sample takes a number, not 'all'"),
    "a sample of none": (["reproduce", "--sample", "0", "--storage", "made"], "--sample takes a number of outputs"),
    "a sample of fewer than none": (["reproduce", "--sample", "-3", "--storage", "made"], "takes a number of outputs"),
    "a copy into itself": (["copy", "there", "there/inside"], "is inside of the storage"),
    "a limit below none": (["find", "--limit", "-3", "--storage", "made"], "--limit"),
    "nothing that is kept": (["gc", "--unreachable", "--storage", "made"], "nothing would be kept"),
    "no such pin": (["unpin", "Train", "--storage", "made"], "'Train' is not pinned"),
    "a pin of nothing": (["pin", "nothing", "--storage", "made"], "has nothing of 'nothing'"),
    "two of different kinds": (
        ["diff", "there", "Train.", "--storage", "made"],
        "there is a storage, and Train. is an",
    ),
    "one storage compared with itself": (["diff", "there", "./there"], "are one storage"),
    "an unknown run to compare": (["diff", "20200101T", "20200102T", "--storage", "made"], "has no run '20200101T'"),
    "values of two storages": (["diff", "there", "made", "--values"], "--values is for two outputs"),
    "nothing to reproduce": (["reproduce", "--storage", "made"], "takes a key, or --sample N"),
    "a reproduction without the code": (
        ["reproduce", "Train.", "--storage", "made"],
        "from its record: the module pipeline cannot",
    ),
    "one storage twice": (["copy", "there", "./there"], "are one storage"),
    "no such storage to copy": (["copy", "nowhere", "there"], "there is no storage in"),
    "a format that a name does not say": (["graph", "pipeline:train", "-o", "graph.bmp"], "says no format"),
    "paths between what is not connected": (
        ["graph", "pipeline:train", "--from", "Train", "--to", "Numbers"],
        "does not depend on",
    ),
    "an end that is not in the graph": (["graph", "pipeline:train", "--from", "Fit"], "'Fit' is none of them"),
    "an agent that dials for less than no time": (
        ["agent", "--connect", "there:1", "--wait", "-5"],
        "--wait must be",
    ),
    "an agent whose end is no time": (
        ["agent", "--connect", "there:1", "--time-left", "nan"],
        "--time-left must be",
    ),
    "an agent with fewer than no threads": (
        ["agent", "--connect", "there:1", "--threads", "-2"],
        "--threads must be",
    ),
    "a pyproject.toml that cannot be read": (["plan", "pipeline:train"], "pyproject.toml cannot be read"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage with a record."""
    directory = tmp_path_factory.mktemp("made")
    shutil.copy(PIPELINE, directory / "pipeline.py")
    Shell(directory)("run", "pipeline:train", "--quiet", "--storage", "made")
    return directory / "made"


@pytest.fixture
def directory(shell: Shell, made: Path) -> Shell:
    """With modules that are wrong, and two storages."""
    (shell.directory / "made").symlink_to(made)
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
    if "without the code" in case:
        (directory.directory / "pipeline.py").unlink()
    answer = directory(*words, code=2)
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("alexflow: ")
    assert says in line
