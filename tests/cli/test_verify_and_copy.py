"""``alexflow verify`` and ``alexflow copy``."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


def stored(shell: Shell) -> list[str]:
    shell("run", "pipeline:train", "--storage", "s", "--quiet")
    return sorted(path.name for path in (shell.directory / "s").iterdir() if path.name.startswith("pipeline"))


def test_what_is_good(shell: Shell) -> None:
    stored(shell)
    assert shell("verify", "--storage", "s").first == "2 good, 0 damaged, 0 missing"


def test_what_is_damaged(shell: Shell) -> None:
    first, _ = stored(shell)
    (shell.directory / "s" / first).write_text("rubbish")
    looked = shell("verify", "--storage", "s", "--no-quarantine", code=1)
    assert looked.first == "1 good, 1 damaged, 0 missing"
    assert "left where it is" in looked.out
    data = shell("verify", "--storage", "s", "--json", code=1).data
    assert (data["good"], [each["key"] for each in data["damaged"]], data["missing"]) == (1, [first], [])
    planned = shell("plan", "pipeline:Numbers", "--count", "5", "--storage", "s", "--json").data["run"]
    assert [group["reason"] for group in planned] == ["damaged"]


def copied(shell: Shell) -> list[str]:
    """Copy the storage as ``cp -r`` does: without extended attributes."""
    names = stored(shell)
    shutil.copytree(shell.directory / "s", shell.directory / "t", copy_function=shutil.copyfile)
    shutil.rmtree(shell.directory / "s")
    shutil.move(shell.directory / "t", shell.directory / "s")
    return names


def test_a_copy_is_compared_with_the_digests_in_its_record(shell: Shell) -> None:
    first, second = copied(shell)
    assert shell("verify", "--storage", "s").first == "2 good, 0 damaged, 0 missing"
    (shell.directory / "s" / first).write_text("rubbish")
    looked = shell("verify", "--storage", "s", code=1)
    assert looked.first == "1 good, 1 damaged, 0 missing"
    assert re.search(rf"damaged +{re.escape(first)} +left where it is", looked.out)
    assert looked.next.startswith("alexflow run Numbers.")
    assert shell(*looked.next.split()[1:]).code == 0
    assert shell("verify", "--storage", "s", "--json").data["good"] == 2
    assert shell("verify", second, "--storage", "s").first == "1 good, 0 damaged, 0 missing"


def test_a_copy_without_digests_or_a_record(shell: Shell) -> None:
    copied(shell)
    shutil.rmtree(shell.directory / "s" / ".alexflow")
    looked = shell("verify", "--storage", "s")
    assert looked.first == "0 good, 0 damaged, 0 missing, 2 without a digest"
    assert "`cp -a` and `alexflow copy` keep them" in looked.out
    assert looked.next == "alexflow status --storage s"


def test_what_is_missing(shell: Shell) -> None:
    first, second = stored(shell)
    data = shell("verify", first, "not-there", "--storage", "s", "--json", code=1).data
    assert (data["good"], data["missing"]) == (1, ["not-there"])
    assert shell("verify", "--prefix", second[:20], "--storage", "s", "--json").data["good"] == 1


def test_copies(shell: Shell) -> None:
    first, second = stored(shell)
    assert shell("copy", "s", "t", "--key", first).first == "1 copied"
    assert shell("copy", "s", "t").first == "1 copied, 1 there already"
    assert shell("copy", "s", "t", "--json").data == {"copied": 0, "existed": 2, "missing": [], "damaged": []}
    assert shell("verify", "--storage", "t").first == "2 good, 0 damaged, 0 missing"
    assert shell("plan", "pipeline:train", "--storage", "t", "--json").data["present"] == 1
    status = shell("status", "--storage", "t", "--json").data
    assert (status["outputs"], status["entries"], status["without_record"], status["unfinished"]) == (2, 2, 0, [])
    shown = [shell("show", first, "--storage", place, "--json").data for place in ("s", "t")]
    assert shown[0] == shown[1]
    assert len(shell("gc", "--max-bytes", "0B", "--storage", "t", "--json").data["remove"]) == 2
    assert shell("runs", "--storage", "t", "--json").lines == shell("runs", "--storage", "s", "--json").lines
    assert shell("copy", "s", "t", "--key", "not-there", code=1).first == "0 copied, 1 missing"
    assert second
