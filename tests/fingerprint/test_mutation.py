"""Of edits in code that ran, at least 95 in 100 change the fingerprint; reformatting never does.

The edits are drawn by seed in three packages, over all kinds of edits and places alike, so that module level counts as
much as functions do. What is missed stands at module level, in code that runs at import and belongs to nothing that is
reached: a table of a class that is not used.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from alexflow.fingerprint.linking import Linked, link
from alexflow.fingerprint.modules import Summarized
from tests.fingerprint.mutation import FORMATTERS, REFORMATTINGS, edited, places, ran_lines
from tests.kit.effort import examples

DRIVERS = {
    "sqlparse": """
import sqlparse
SQL = "select a, b as c from t join u on t.x = u.y where a > 1 and b in (1, 2) order by c; insert into t values (1)"
def run():
    formatted = sqlparse.format(SQL, reindent=True, keyword_case="upper", strip_comments=True)
    return formatted, [str(t) for s in sqlparse.parse(SQL) for t in s.flatten()], sqlparse.split(SQL)
""",
    "mistune": '''
import mistune
TEXT = """# a

* b
* c *d* **e** `f`

> g

| h | i |
|---|---|
| 1 | 2 |

[j](k) ~~l~~ m[^1]

[^1]: n
"""
def run():
    return mistune.create_markdown(plugins=["table", "strikethrough", "footnotes", "url"])(TEXT)
''',
    "textdistance": """
import textdistance
NAMES = ["hamming", "levenshtein", "jaro_winkler", "jaccard", "cosine", "lcsseq", "mra", "needleman_wunsch"]
def run():
    return [getattr(textdistance, name)("kitten", "sitting") for name in NAMES]
""",
}


@pytest.fixture(params=DRIVERS)
def program(request: pytest.FixtureRequest, folder: Path) -> Program:
    return Program(folder, request.param)


class Program:
    """A copy of a package, and a driver that uses it."""

    def __init__(self, folder: Path, package: str):
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(
            Path(spec.origin).parent, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
        (folder / f"driver_{package}.py").write_text(DRIVERS[package])
        self.folder, self.driver = folder, f"driver_{package}"
        self.summaries: dict[str, Summarized] = {}

    def linked(self) -> Linked:
        return link(self.driver, "run", self.summaries)

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.py"))


@pytest.mark.timeout(300)
def test_nearly_all_edits_of_code_that_ran_are_found(program: Program) -> None:
    chance = random.Random(17)
    before = program.linked().fingerprint
    assert len(before.units) > 50
    drawn, found, missed, in_functions = 0, 0, [], Counter[bool]()
    for place in places(ran_lines(program.folder, program.driver), chance):
        file = Path(place.file)
        original = file.read_bytes()
        text = edited(place, chance)
        try:
            compile(text, place.file, "exec")
        except SyntaxError:
            continue
        file.write_text(text)
        is_found = program.linked().fingerprint.digest != before.digest
        file.write_bytes(original)
        drawn, found = drawn + 1, found + is_found
        if place.where in ("function", "method"):
            in_functions[is_found] += 1
        if not is_found:
            missed.append(place)
        if drawn == examples(110):
            break
    assert found >= 0.95 * drawn, missed
    assert in_functions[False] <= 0.02 * in_functions.total(), missed


def alarms(program: Program, reformattings: dict[str, Callable[[str], str]]) -> int:
    """Reformat files; return how many edits that were."""
    before = program.linked().fingerprint
    chance, edits = random.Random(17), 0
    for name, reformat in reformattings.items():
        for file in chance.sample(program.files(), min(6, len(program.files()))):
            original = file.read_bytes()
            text = reformat(original.decode())
            file.write_bytes(text.encode())
            after = program.linked().fingerprint
            file.write_bytes(original)
            edits += text.encode() != original
            assert after.digest == before.digest, (name, file)
    return edits


def test_rewriting_without_a_change_changes_nothing(program: Program) -> None:
    assert alarms(program, REFORMATTINGS) >= 30


@pytest.mark.processes
def test_a_formatter_changes_nothing(program: Program) -> None:
    assert alarms(program, FORMATTERS) >= 10
