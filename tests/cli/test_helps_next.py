"""The command that helps next is one that can be run: it is for the storage that was named."""

from __future__ import annotations

import shlex

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


def test_it_names_the_storage(shell: Shell) -> None:
    named = ("--storage", "a b")
    shell("run", "pipeline:train", *named, "--quiet")
    (found,) = shell("find", "Train", *named, "--json").lines
    key = str(found["key"])
    for words in (
        ["reproduce", key],
        ["reproduce", "--sample", "1"],
        ["diff", key, key],
        ["gc"],
        ["gc", "--max-bytes", "1GB"],
    ):
        assert shlex.split(shell(*words, *named).next)[-2:] == list(named), words
    failed = shell("run", "pipeline:Fails", *named, "--quiet", code=1)
    assert failed.next == "alexflow log --storage 'a b'"
    assert "ValueError: no luck" in failed.err
    (shell.directory / "a b" / key).write_text("rubbish")
    assert shell("verify", *named, code=1).next == "alexflow plan TARGET --storage 'a b'"
    assert shell("copy", "a b", "c d").next == "alexflow verify --storage 'c d'"
