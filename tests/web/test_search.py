"""The search of the live page takes the words that ``alexflow find`` takes, and finds the same."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

import alexflow
import alexflow.web
from alexflow import JSONOutput, Output, Task
from alexflow.cli.program import main
from tests.web.served import get, served


@dataclass(frozen=True)
class Train(Task):
    depth: int | None
    name: str = "plain"
    fast: bool = False

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: None, output: JSONOutput[int]) -> None:
        await output.astore(0)


@dataclass(frozen=True)
class Count(Task):
    rows: Output[bytes]

    def input(self) -> Output[bytes]:
        return self.rows

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Output[bytes], output: JSONOutput[int]) -> None:
        await output.astore(len(await input.aload()))


#: What is searched for, and the places in ``TASKS`` of what is found.
SEARCHES = {
    "depth=null": [0],
    "depth==None": [0],
    "depth!=null": [1, 2, 3],
    "depth>1 depth<9": [2],
    "depth=1_000": [],
    'name="1.5"': [],
    "name~=1.50": [2],
    "'name=two words'": [3],
    "fast=TRUE": [1],
    "Train fast=false": [0, 2, 3],
}

TASKS = [Train(None), Train(1, fast=True), Train(5, name="1.50"), Train(9, name="two words")]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage with what the tasks have made."""
    place = tmp_path_factory.mktemp("searched")
    alexflow.run(TASKS, storage=place, progress=False)
    return place


@pytest.mark.parametrize("words", SEARCHES)
def test_page_and_command_find_the_same(storage: Path, words: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    wanted = sorted(TASKS[place].task_id for place in SEARCHES[words])
    main(["find", *shlex.split(words), "--json", "--storage", str(storage)])
    lines = capfdbinary.readouterr().out.splitlines()
    assert sorted(json.loads(line)["task_id"] for line in lines) == wanted
    with served(alexflow.web.app(storage)) as port:
        _, _, page = get(port, f"/search?q={quote(words)}")
    assert sorted(re.findall(r'href="/tasks/([^"]+)"', page)) == wanted


def test_a_task_that_reads_a_source_is_made_again_by_its_program(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1\n")
    count = Count(alexflow.source(tmp_path / "rows.csv"))
    alexflow.run(count, storage=tmp_path / "st", progress=False)
    with served(alexflow.web.app(tmp_path / "st")) as port:
        page = get(port, f"/tasks/{count.task_id}")[2]
    assert "<td>a source</td>" in page
    assert "It reads no output" not in page
    assert 'id="again"' in page
    assert "--force" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("depth<", "compares with nothing"),
        ("Train Sort", "takes one class"),
        ("Train dept=5", "did you mean depth?"),
        ("it's", "nothing of"),
    ],
)
def test_a_search_that_cannot_be_done_says_so(storage: Path, words: str, said: str) -> None:
    with served(alexflow.web.app(storage)) as port:
        assert said in get(port, f"/search?q={quote(words)}")[2]
