"""A directory of other programs' files is not taken for a storage; one that any alexflow has written is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alexflow.cli.foreign import is_foreign
from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


def test_other_programs_files_are_refused_by_commands_that_read(shell: Shell) -> None:
    (shell.directory / "etc" / "inner").mkdir(parents=True)
    (shell.directory / "etc" / "inner" / "hosts").write_text("127.0.0.1")
    for words in (["verify"], ["gc", "--older-than", "1d", "--apply"], ["status"], ["find"]):
        answer = shell(*words, "--storage", "etc", code=2)
        assert answer.err.count("\n") == 1
        assert "etc is no storage: of the files in it none is alexflow's" in answer.err
    assert [path.name for path in (shell.directory / "etc").rglob("*")] == ["inner", "hosts"]


def test_what_is_a_storage(shell: Shell) -> None:
    (shell.directory / "empty").mkdir()
    assert not is_foreign(str(shell.directory / "empty"))
    shell("run", "pipeline:train", "--storage", "made")
    assert not is_foreign(str(shell.directory / "made"))
    shutil.rmtree(shell.directory / "made" / ".alexflow")
    (shell.directory / "made" / ".alexflow-leases").unlink(missing_ok=True)
    assert not is_foreign(str(shell.directory / "made"))  # as alexflow 1.1.4 leaves one: names with digests
    for number, path in enumerate(sorted(Path(shell.directory / "made").iterdir())):
        path.rename(path.with_name(f"renamed-{number}"))
    assert not is_foreign(str(shell.directory / "made"))  # attributes have digests
    for path in (shell.directory / "made").iterdir():
        path.write_bytes(path.read_bytes())
        (shell.directory / "copied").mkdir(exist_ok=True)
        shutil.copyfile(path, shell.directory / "copied" / path.name)
    assert is_foreign(str(shell.directory / "copied"))
