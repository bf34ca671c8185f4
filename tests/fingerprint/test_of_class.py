"""The fingerprint of a class that runs here: where its code is, and whether that is what runs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from alexflow.fingerprint import Fingerprint, difference_text, fingerprint_of, names_that_differ
from alexflow.fingerprint.memo import LinkMemo, Memos
from tests.fingerprint.programs import write

Load = Callable[[str], ModuleType]

TRAIN = """
from alexflow import Task
from features import scale
class Train(Task):
    def run(self, input, output): output.store(scale(1))
"""
FEATURES = """
FACTOR = 2
def scale(x): return x * FACTOR
def other(x): return x
"""


def names(found: Fingerprint) -> set[str]:
    return {name for name, _ in found.units}


@pytest.fixture
def program(folder: Path) -> Path:
    write(folder, {"train.py": TRAIN, "features.py": FEATURES})
    return folder


@pytest.fixture
def memos(tmp_path: Path) -> Memos:
    return Memos(tmp_path / "memos")


def test_it_lists_what_is_reached_by_name(program: Path, load: Load, memos: Memos) -> None:
    found = fingerprint_of(load("train").Train, memos)
    assert names(found) == {"train.Train", "train.Train.run", "features.scale", "features.FACTOR"}
    assert found.marks == ()
    assert found.to_json()["units"] == dict(found.units)


def test_what_differs_is_named(program: Path, load: Load, memos: Memos) -> None:
    cls = load("train").Train
    before = fingerprint_of(cls, memos)
    write(program, {"features.py": FEATURES.replace("x * FACTOR", "x + FACTOR")})
    after = fingerprint_of(cls, memos)
    assert names_that_differ(before, after) == ["features.scale"]
    assert difference_text(names_that_differ(before, after)) == "the code of features.scale differs"
    assert difference_text(names_that_differ(before, before)) == "the code that could be seen is the same"
    assert difference_text(["a.b", "a.c", "a.d", "a.e", "a.f"]) == "the code of a.b, a.c, a.d and 2 more differs"


def test_code_that_runs_is_compared_with_its_file(program: Path, load: Load, memos: Memos) -> None:
    cls = load("train").Train
    write(program, {"features.py": f"# a comment\n{FEATURES}"})
    assert fingerprint_of(cls, memos).marks == ()
    write(program, {"features.py": FEATURES.replace("x * FACTOR", "x + FACTOR")})
    assert fingerprint_of(cls, memos).marks == ("features was edited after it was imported",)


ODD = """
class Says(type):
    def __getattribute__(cls, name): raise SystemExit(name)
    def __eq__(cls, other): raise SystemExit("==")
    __hash__ = type.__hash__
class Odd(metaclass=Says):
    def scale(self): return 1
class Answers:
    def __getattribute__(self, name): raise SystemExit(name)
answers = Answers()
"""


def test_no_object_of_a_program_is_asked(program: Path, load: Load, memos: Memos) -> None:
    write(program, {"features.py": FEATURES + ODD})
    cls = load("train").Train
    assert fingerprint_of(cls, memos).marks == ()
    write(program, {"features.py": FEATURES + ODD.replace("return 1", "return 2")})
    assert fingerprint_of(cls, memos).marks == ("features was edited after it was imported",)


def test_an_edit_of_the_same_length_within_a_tick_is_seen(program: Path, load: Load, memos: Memos) -> None:
    cls = load("train").Train
    status = os.stat(program / "features.py")
    seen = {fingerprint_of(cls, memos).digest}
    for factor in range(3, 9):
        write(program, {"features.py": FEATURES.replace("2", str(factor))})
        os.utime(program / "features.py", ns=(status.st_atime_ns, status.st_mtime_ns))
        seen.add(fingerprint_of(cls, memos).digest)
    assert len(seen) == 7


def test_a_new_module_is_seen(folder: Path, load: Load, memos: Memos) -> None:
    text = "try:\n    from fast import f\nexcept ImportError:\n    f = None\nclass A:\n    def run(self): return f\n"
    write(folder, {"task.py": text})
    cls = load("task").A
    before = fingerprint_of(cls, memos)
    write(folder, {"fast.py": "def f(): return 1\n"})
    assert names(fingerprint_of(cls, memos)) - names(before) == {"fast.f"}


def test_what_a_script_writes_beside_itself_changes_nothing(program: Path, load: Load, memos: Memos) -> None:
    fingerprint_of(load("train").Train, memos)
    write(program, {"notes.py": "", "results/part": "", "model": ""})
    assert memos.read("train", "Train") is not None
    write(program, {"features/__init__.py": ""})  # it would be imported instead of features.py
    assert memos.read("train", "Train") is None


UNCHANGED = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
import train
from alexflow.fingerprint import fingerprint_of
del opened[:]
found = fingerprint_of(train.Train)
linked = "alexflow.fingerprint.linker" in sys.modules
print(found.digest, sum(name.endswith(".py") for name in opened), len(opened), linked)
"""


def python(*arguments: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()])}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.processes
def test_where_nothing_changed_a_new_process_reads_one_file(program: Path) -> None:
    for file in program.iterdir():
        os.utime(file, (10**9, 10**9))  # what was edited a moment ago is compared with what runs
    first = python("-c", UNCHANGED, folder=program)
    cache = Path(os.environ["XDG_CACHE_HOME"])
    for file in cache.rglob("code-*/*"):
        settle(file)
    second = python("-c", UNCHANGED, folder=program)
    assert first.split()[0] == second.split()[0]
    assert first.split()[3] == "True"
    assert second.split()[1:] == ["0", "1", "False"]  # no source, only the memo; and nothing was linked


def settle(file: Path) -> None:
    """Let a memo seem to be written long after the files that it names."""
    try:
        memo = msgspec.msgpack.decode(file.read_bytes(), type=LinkMemo)
    except msgspec.ValidationError:  # summaries
        return
    later = msgspec.structs.replace(memo, written=memo.written + 10**10)
    file.write_bytes(msgspec.msgpack.encode(later))


def test_a_cache_that_cannot_be_written_is_not_needed(program: Path, load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert fingerprint_of(load("train").Train, Memos(tmp_path / "file" / "below")).units


def test_a_damaged_cache_is_not_believed(program: Path, load: Load, memos: Memos, tmp_path: Path) -> None:
    cls = load("train").Train
    before = fingerprint_of(cls, memos)
    for file in (tmp_path / "memos").iterdir():
        file.write_bytes(file.read_bytes()[:-3])
    assert memos.read("train", "Train") is None
    write(program, {"features.py": FEATURES.replace("2", "3")})
    assert names_that_differ(before, fingerprint_of(cls, memos)) == ["features.FACTOR"]


# where the code is


def site_packages(folder: Path, monkeypatch: pytest.MonkeyPatch, *, direct_url: str = "") -> Path:
    site = folder / "venv" / "site-packages"
    write(
        site,
        {"features.py": FEATURES, "features-1.0.dist-info/RECORD": "features.py,,\nfeatures-1.0.dist-info/RECORD,,\n"},
    )
    if direct_url:
        write(site, {"features-1.0.dist-info/direct_url.json": f'{{"url": "{direct_url}", "dir_info": {{}}}}'})
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.mark.parametrize(
    ("url", "is_ours"), [("file:///home/me/project", True), ("https://host/x", False), ("", False)]
)
def test_an_installed_package_counts_if_it_came_from_a_folder(
    url: str, is_ours: bool, folder: Path, load: Load, memos: Memos, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages(folder, monkeypatch, direct_url=url)
    write(folder, {"train.py": TRAIN})
    assert ("features.scale" in names(fingerprint_of(load("train").Train, memos))) is is_ours


def test_an_installed_package_counts_if_the_project_names_it(
    folder: Path, load: Load, memos: Memos, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages(folder, monkeypatch)
    write(folder, {"train.py": TRAIN, "pyproject.toml": '[tool.alexflow]\ncode = ["features"]\n'})
    assert "features.scale" in names(fingerprint_of(load("train").Train, memos))
    write(folder, {"pyproject.toml": ""})
    assert "features.scale" not in names(fingerprint_of(load("train").Train, memos))


def test_the_package_of_the_class_counts_wherever_it_is(
    folder: Path, load: Load, memos: Memos, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_packages(folder, monkeypatch)
    write(site, {"pkg/__init__.py": "", "pkg/train.py": TRAIN, "pkg/features.py": FEATURES})
    write(site, {"pkg/train.py": TRAIN.replace("from features", "from .features")})
    assert "pkg.features.scale" in names(fingerprint_of(load("pkg.train").Train, memos))


def test_neither_alexflow_nor_the_standard_library_counts(folder: Path, load: Load, memos: Memos) -> None:
    imports = "import json, textwrap, msgspec\nfrom alexflow import Task\n"
    text = f"{imports}class A(Task):\n    def run(self): return json, msgspec\n"
    write(folder, {"task.py": text})
    assert names(fingerprint_of(load("task").A, memos)) == {"task.A", "task.A.run"}


def test_code_in_an_archive_counts(
    folder: Path, load: Load, memos: Memos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("train.py", TRAIN)
        archive.writestr("features.py", FEATURES)
    monkeypatch.syspath_prepend(str(tmp_path / "lib.zip"))
    assert "features.scale" in names(fingerprint_of(load("train").Train, memos))


def test_compiled_code_counts_by_its_bytes(folder: Path, load: Load, memos: Memos) -> None:
    write(folder, {"task.py": "class A:\n    def run(self):\n        import fast\n        return fast.f\n"})
    (folder / "fast.so").write_bytes(b"\x7fELF 1")
    cls = load("task").A
    before = fingerprint_of(cls, memos)
    assert before.marks == ("compiled code in fast",)
    (folder / "fast.so").write_bytes(b"\x7fELF 2")
    assert names_that_differ(before, fingerprint_of(cls, memos)) == ["fast (at import)"]


@pytest.mark.processes
def test_a_script_has_the_fingerprint_of_the_module_that_it_is(folder: Path) -> None:
    script = TRAIN + textwrap.dedent("""
        if __name__ == "__main__":
            from alexflow.fingerprint import fingerprint_of
            print(fingerprint_of(Train).digest)
    """)
    write(folder, {"train.py": script, "features.py": FEATURES})
    by_import = (
        "import train; from alexflow.fingerprint import fingerprint_of; print(fingerprint_of(train.Train).digest)"
    )
    found = {
        python("train.py", folder=folder),
        python("-m", "train", folder=folder),
        python("-c", by_import, folder=folder),
    }
    assert len(found) == 1


# code that is in no file


def test_a_class_without_source_counts_by_its_bytecode(memos: Memos) -> None:
    def made(factor: int) -> type:
        space: dict[str, object] = {"__name__": "nowhere"}
        exec(f"class A:\n    def run(self): return [x * {factor} for x in (1, 2)]\n", space)
        return space["A"]  # type: ignore[return-value]

    first, second = fingerprint_of(made(2), memos), fingerprint_of(made(3), memos)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert names_that_differ(first, second) == [f"nowhere.A.run (bytecode of Python {version})"]
    assert fingerprint_of(made(2), memos) == first
    assert first.marks == ("nowhere.A has no source that could be read",)


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def cell(text):
    assert shell.run_cell(text, store_history=True).success
cell("from alexflow import Task\\nfrom alexflow.fingerprint import fingerprint_of, names_that_differ")
cell("def helper(x): return x + 1")
cell("class Train(Task):\\n    def run(self, input, output): return helper(1)")
cell("%time first = fingerprint_of(Train)")
cell("1 + 1")
cell("def helper(x):\\n    # a comment\\n    return x + 1")
cell("second = fingerprint_of(Train)")
cell("def helper(x): return x + 2")
cell("third = fingerprint_of(Train)")
names = shell.user_ns
print("DIFFER", names["names_that_differ"](names["first"], names["second"]))
print("DIFFER", names["names_that_differ"](names["second"], names["third"]))
"""


@pytest.mark.processes
def test_the_cells_of_a_notebook_are_its_source(folder: Path) -> None:
    found = [line for line in python("-c", NOTEBOOK, folder=folder).splitlines() if line.startswith("DIFFER")]
    assert found == ["DIFFER []", "DIFFER ['__main__.helper']"]
