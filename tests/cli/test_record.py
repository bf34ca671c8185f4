"""The commands that read the record: from a copy of the storage, and without the code that made it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from alexflow import LocalStorage
from alexflow.record.lines import AttemptLine, RunBegunLine, SegmentHeader
from tests.cli.conftest import PIPELINE, Shell
from tests.timeline.recorded_runs import RUN, STARTED, segment_of, write_segment

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage with some runs, moved to another path; the code is elsewhere."""
    directory = tmp_path_factory.mktemp("made")
    shutil.copy(PIPELINE, directory / "pipeline.py")
    shell = Shell(directory)
    shell("run", "pipeline:train", "--quiet")
    shell("run", "pipeline:train", "--depth", "7", "--quiet")
    shell("run", "pipeline:train", "--count", "6", "--quiet")
    shell("run", "pipeline:Fails", "--quiet", code=1)
    copied = tmp_path_factory.mktemp("copied")
    shutil.move(directory / ".alexflow", copied / "results")
    return copied


@pytest.fixture
def reader(made: Path) -> Shell:
    return Shell(made)


def key_of(shell: Shell, *words: str) -> str:
    (line,) = shell("find", *words, "--json", "--storage", "results").lines
    return str(line["key"])


def test_a_beginning_that_fits_several_lists_them(reader: Shell) -> None:
    first, *fitting = reader("show", "pipeline.Numbers", "--storage", "results", code=2).err.splitlines()
    assert first == "alexflow: 'pipeline.Numbers' fits several; give more of one:"
    assert len(fitting) == 2
    assert all(re.fullmatch(r"  pipeline\.Numbers\.[0-9a-f]{40}  count=\d, seed=0", line) for line in fitting)


def test_find(reader: Shell) -> None:
    found = reader("find", "Train", "config.depth=7", "--storage", "results")
    assert found.first == "1 task"
    shown = re.search(r"config.depth=7, .*numbers=(Numbers\.[0-9a-f]{8})", found.out)
    assert shown is not None
    same = reader("find", "Train", f"numbers={shown[1]}", "--json", "--storage", "results").lines
    assert 0 < len(same) <= 3
    assert all(line["fields"]["numbers"]["task"].startswith(f"pipeline.{shown[1]}") for line in same)
    (line,) = reader("find", "config.depth>3", "kind=TREE", "--json", "--storage", "results").lines
    assert line["class"] == "pipeline.Train"
    assert line["key"].endswith(".model.json")
    counts = {
        ("Train",): 3,
        ("pipeline.Train",): 3,
        ("Numbers",): 2,
        ("count=5",): 1,
        ("count==5",): 1,
        ("count!=5", "Numbers"): 1,
        ("count>4", "count<6"): 1,
        ("kind~=^TR", "Train"): 3,
        ("--newer", "1d"): 5,
    }
    for words, count in counts.items():
        assert len(reader("find", *words, "--json", "--storage", "results").lines) == count, words
    assert reader("find", "config.depth=99", "--storage", "results", code=1).first == "0 tasks"
    assert len(reader("find", "Train", "--limit", "1", "--storage", "results").out.splitlines()) == 4
    for words in (("find", "Train"), ("runs",), ("table", "Train")):
        assert len(reader(*words, "--limit", "1", "--json", "--storage", "results").lines) == 1, words


def test_options_may_stand_between_conditions(reader: Shell) -> None:
    """Wherever they are typed, as with most programs."""
    for words in (("find", "Train", "--json", "config.depth=7"), ("find", "--json", "Train", "config.depth=7")):
        (line,) = reader(*words, "--storage", "results").lines
        assert line["fields"]["config"]["fields"]["depth"] == 7
    rows = reader("table", "Train", "--json", "config.depth=7", "--storage", "results").lines
    assert [row["config.depth"] for row in rows] == [7]


def test_show(reader: Shell) -> None:
    key = key_of(reader, "Train", "config.depth=7")
    shown = reader("show", key, "--storage", "results")
    assert shown.first.startswith(f"{key}: made 20")
    assert "config.depth = 7" in shown.out
    assert shown.next == f"alexflow explain {key} --storage results"
    assert re.search(
        "^because +(its output was not there|what it reads was made in the same run)$", shown.out, re.MULTILINE
    )
    data = reader("show", key, "--json", "--storage", "results").data
    names = "key task_id class fields inputs outputs version code started finished seconds cpu_seconds"
    assert set(f"{names} peak_rss_bytes host python attempts run_id".split()) <= set(data)
    assert data["key"] == key
    assert data["fields"]["config"]["fields"]["depth"] == 7
    assert data["inputs"][0]["key"].endswith(".numbers.json")
    assert data["finished"].endswith("Z")


def test_a_beginning_is_enough(reader: Shell) -> None:
    key = key_of(reader, "Train", "config.depth=7")
    digest = key.split(".")[2]
    for beginning in (key[:25], digest[:8], f"Train.{digest[:8]}"):
        task_id = reader("show", beginning, "--json", "--storage", "results").data["task_id"]
        assert key.startswith(f"{task_id}.")


def test_an_output_without_a_record(reader: Shell, made: Path) -> None:
    (made / "results" / "of-before.json").write_text("1")
    shown = reader("show", "of-before.json", "--storage", "results")
    assert shown.first == "of-before.json: stored, and not recorded"
    assert reader("show", "of-before.json", "--json", "--storage", "results").data["recorded"] is False
    assert reader("status", "--json", "--storage", "results").data["without_record"] == 1
    (made / "results" / "of-before.json").unlink()


def test_a_removed_output_is_still_known(reader: Shell, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "results", tmp_path / "results")
    shell = Shell(tmp_path)
    key = key_of(shell, "Train", "config.depth=7")
    (tmp_path / "results" / key).unlink()
    assert "removed since" in shell("show", key, "--storage", "results").out
    assert shell("show", key, "--json", "--storage", "results").data["present"] == []


def test_explain(reader: Shell) -> None:
    found = reader("explain", key_of(reader, "Train", "config.depth=7"), "--storage", "results")
    assert "Train.config.depth: 3 → 7" in found.out
    newest, *_ = reader("find", "Train", "config.depth=3", "--json", "--storage", "results").lines
    data = reader("explain", newest["key"], "--json", "--storage", "results").data
    assert set(data) >= {"reason", "nearest", "changes"}
    fields = [change for change in data["changes"] if change["kind"] == "field"]
    assert [(change["path"], change["before"], change["after"]) for change in fields] == [("Numbers.count", 5, 6)]


def test_explain_what_has_not_run(shell: Shell) -> None:
    shell("run", "pipeline:train", "--quiet")
    data = shell("explain", "pipeline:train", "--depth", "4", "--json").data
    assert (data["has_run"], data["reason"]) == (False, "changed")
    assert [data["changes"][0][name] for name in ("path", "before", "after")] == ["Train.config.depth", 3, 4]


def test_code_that_was_edited_since(shell: Shell) -> None:
    shell("run", "pipeline:train", "--quiet")
    file = shell.directory / "pipeline.py"
    file.write_text(file.read_text().replace("self.seed + self.count", "self.count + self.seed"))
    assert shell("run", "pipeline:train", "--quiet").out.startswith("0 ran")
    planned = shell("plan", "pipeline:train")
    assert (planned.first, planned.next) == ("nothing to run, 1 is there", "alexflow explain pipeline:train")
    explained = shell("explain", "pipeline:train")  # what was edited is upstream of it
    assert "since then the code of pipeline.Numbers.run differs" in explained.out.splitlines()
    assert [change["path"] for change in shell("explain", "pipeline:train", "--json").data["since"]] == [
        "pipeline.Numbers.run"
    ]


def test_the_graph(reader: Shell) -> None:
    key = key_of(reader, "Train", "config.depth=7")
    lines = reader("graph", key, "--storage", "results").out.splitlines()
    assert lines[0] == "2 tasks, 2 done"
    assert lines[2] == "└─ ✓ Numbers(count=5, seed=0)"
    data = reader("graph", key, "--json", "--storage", "results").data
    assert (len(data["nodes"]), len(data["edges"])) == (2, 1)
    assert "<svg" in reader("graph", key, "--format", "html", "--storage", "results").out


def test_many_inputs_do_not_hide_what_else_is_known(shell: Shell) -> None:
    (shell.directory / "wide.py").write_text(
        """from dataclasses import dataclass
from alexflow import JSONOutput, Task

@dataclass(frozen=True)
class Part(Task):
    number: int
    def output(self): return self.build_output(JSONOutput, key="part.json")
    async def run(self, input, output): await output.astore(1)

@dataclass(frozen=True)
class Whole(Task):
    def input(self): return [Part(number).output() for number in range(50)]
    def output(self): return self.build_output(JSONOutput, key="whole.json")
    numbers: tuple[int, ...] = tuple(range(1000))
    async def run(self, input, output): await output.astore(1)
"""
    )
    shell("run", "wide:Whole", "--storage", "wide")
    shown = shell("show", "Whole", "--storage", "wide").out
    assert re.search(
        r"^field +numbers = \[0, 1, .* … 4,[0-9]+ characters, which --json has … .*998, 999\]$", shown, re.MULTILINE
    )
    assert len(re.findall("^read +wide.Part", shown, re.MULTILINE)) == 20
    assert "… and 30 more, which --json lists" in shown
    assert len(shell("show", "Whole", "--json", "--storage", "wide").data["inputs"]) == 50


def test_what_an_encoding_lacks_is_shown_with_backslashes(reader: Shell) -> None:
    key = key_of(reader, "Train", "config.depth=7")
    answer = reader("graph", key, "--storage", "results", PYTHONIOENCODING="ascii")
    assert "\\u2713 Train(" in answer.out
    assert "Traceback" not in answer.err


def test_runs_and_logs(reader: Shell) -> None:
    listed = reader("runs", "--storage", "results")
    assert listed.first == "4 runs, the last one failed"
    (failed,) = reader("runs", "--failed", "--json", "--storage", "results").lines
    assert (failed["outcome"], failed["failed"], failed["ran"]) == ("failed", 1, 0)
    log = reader("log", "--storage", "results")
    assert log.first.startswith(f"{failed['id']}: failed")
    assert "ValueError: no luck" in log.out
    assert "Traceback" in log.out
    assert reader("log", failed["id"][:20], "--json", "--storage", "results").data["attempts"][0]["is_last"]
    done = reader("runs", "--json", "--storage", "results").lines[-1]
    assert (done["outcome"], done["ran"]) == ("done", 2)
    assert len(reader("find", "--run", done["id"], "--json", "--storage", "results").lines) == 2


def test_the_log_names_the_machine_of_an_attempt_that_an_agent_hosted(tmp_path: Path) -> None:
    attempts = [(2, "", "ValueError: here"), (3, "node7", "ValueError: there")]
    header = SegmentHeader(STARTED, "home", 1, "user", "2.0.0", "")
    lines = [
        AttemptLine(1, f"shop.Load.{0:040x}", at, at, False, what, "", ("", ""), 9, 1, host)
        for at, host, what in attempts
    ]
    (tmp_path / "results").mkdir()
    write_segment(LocalStorage(tmp_path / "results"), segment_of([header, RunBegunLine(1, RUN, 0, (), {}), *lines]))
    out = Shell(tmp_path)("log", "--storage", "results").out
    assert ", attempt 2, tried again: ValueError: here" in out
    assert ", attempt 3 on node7, tried again: ValueError: there" in out


def test_status(reader: Shell) -> None:
    data = reader("status", "--json", "--storage", "results").data
    assert (data["outputs"], data["entries"] >= 5, data["without_record"], data["engines"]) == (5, True, 0, [])
    assert data["bytes"] > 0
    assert reader("status", "--storage", "results").first.startswith("5 outputs, ")


def test_a_variant_of_a_stored_task(shell: Shell) -> None:
    shell("run", "pipeline:train", "--quiet")
    (line,) = shell("find", "Train", "--json").lines
    key = line["key"]
    assert shell("run", key, "--json").data["cached"] == 1
    varied = shell("run", key, "--set", "config.depth=5", "--json").data
    assert (varied["ran"], varied["cached"]) == (1, 1)
    assert shell("plan", key, "--set", "config.depth=6", "--json").data["run"][0]["class"] == "pipeline.Train"
    assert len(shell("find", "Train", "config.depth=5", "--json").lines) == 1


def test_a_slip_of_the_pen_is_named_where_nothing_is_found(shell: Shell) -> None:
    shell("run", "pipeline:train", "--quiet")
    assert "no task has a field 'kidn'; did you mean kind?" in shell("find", "Train", "kidn=TREE", code=1).err
    for name in ("config.dept", "depth"):
        assert f"no task has a field {name!r}; did you mean config.depth?" in shell("find", f"{name}=3", code=1).err
    assert "no class of a recorded task is called Trian" in shell("find", "Trian", code=1).err
    assert "no task has a field 'kidn'; did you mean kind?" in shell("table", "Train", "kidn=TREE", code=1).err
    err = shell("table", "Train", "loss=model.json", code=1).err
    assert "a value of an output has the path in its JSON behind a colon, loss=model.json:PATH" in err


def test_a_task_without_outputs_of_its_own_is_done(shell: Shell) -> None:
    shell("run", "pipeline:Sweep", "--quiet")
    assert shell("graph", "Sweep").out.splitlines()[:2] == ["1 task, 1 done", "✓ Sweep(counts=[1, 2, 3])"]
    assert shell("explain", "Sweep").next.startswith("alexflow show Sweep.")


def test_a_task_that_has_only_failed_says_so(made: Path, reader: Shell) -> None:
    """Each command that takes a task names the error, in one line, and the command that tries again."""
    (run,) = reader("runs", "--failed", "--json", "--storage", "results").lines
    for command in ("show", "explain"):
        shown = reader(command, "Fails", "--storage", "results")
        assert re.fullmatch(
            r"Fails\.\w{8} failed 20.* UTC, given up after attempt 1; it has never succeeded", shown.first
        )
        assert "\nfields  how=no luck\nerror   ValueError: no luck\n" in shown.out
        assert "\nagain   cd " in shown.out
        assert shown.next == f"alexflow log {run['id']} --storage results"
        data = reader(command, "Fails", "--json", "--storage", "results").data
        assert (data["recorded"], data["run_id"]) == (False, run["id"])
        assert [each["error"] for each in data["failed"]] == ["ValueError: no luck"]
    for command in ("run", "graph", "pin", "reproduce"):
        said = reader(command, "Fails", "--storage", "results", code=2).err
        assert (
            "given up after attempt 1, and has never succeeded: ValueError: no luck; run its program again: cd " in said
        )
        assert said.count("\n") == 1


def test_a_task_that_was_skipped_says_so(shell: Shell) -> None:
    (shell.directory / "skipped.py").write_text(SKIPPED)
    shell("run", "skipped:target", "--quiet", code=1)
    (run,) = shell("runs", "--json").lines
    (task_id,) = run["skipped_tasks"]
    for command in ("show", "run", "explain", "why"):
        said = shell(command, f"Train.{task_id[-40:-32]}", code=2).err
        assert f"has not run: what it needs failed in the run {run['id']}; alexflow log {run['id']} says what" in said


SKIPPED = """
from pipeline import Fails, Train

def target():
    return Train(Fails().output())
"""


def test_a_long_error_with_control_characters_is_one_line(shell: Shell) -> None:
    how = "\x1b[2J" + 5_000 * "x"
    shell("run", "pipeline:Fails", "--how", how, "--quiet", code=1)
    (line,) = (line for line in shell("show", "Fails").out.splitlines() if line.startswith("error"))
    assert line.startswith("error   ValueError: \\x1b[2Jxxx")
    assert re.search(r"x … [0-9,]+ characters left out … x+$", line)
    assert len(line) < 1_100
    said = shell("log").out
    assert "\x1b" not in said
    assert "    ValueError: \\x1b[2Jxxx" in said
    shell("run", "pipeline:Everything", "--text", how, "--quiet")
    assert "\x1b" not in shell("find", "Everything").out + shell("show", "Everything").out


def test_what_is_typed_by_mistake(reader: Shell) -> None:
    """A task where a run belongs, and words that are nearly right."""
    key = key_of(reader, "Train", "config.depth=7")
    (line,) = reader("find", "Train", "config.depth=7", "--json", "--storage", "results").lines
    for command in ("log", "report", "trace"):
        said = reader(command, key, "--storage", "results", code=2).err
        assert f"is a task, of the run {line['run_id']}" in said
    (run,) = reader("runs", "--failed", "--json", "--storage", "results").lines
    assert f"is a task, of the run {run['id']}" in reader("log", "Fails", "--storage", "results", code=2).err
    assert "did you mean Train?" in reader("find", "Trian", "--storage", "results", code=1).err
    assert "did you mean find?" in reader("ls", code=2).err


def test_an_output_that_was_made_from_a_source(shell: Shell) -> None:
    """The source is named by its content; where it lay is in no record."""
    (shell.directory / "counted.py").write_text(COUNTED)
    (shell.directory / "rows.csv").write_text("1\n2\n")
    shell("run", "counted:target", "--quiet")
    assert re.search(r"^read +a source, [0-9a-f]{12}$", shell("show", "Count").out, re.MULTILINE)
    assert shell("graph", "Twice").first == "2 tasks, 2 done"
    assert "Known" not in shell("graph", "Twice").out
    assert re.search(r"^Known\.[0-9a-f]{8}  ", shell("table", "Count").out, re.MULTILINE)
    assert shell("run", "Twice", "--force", "--quiet").code == 0
    assert shell("reproduce", "Twice").out.rstrip().endswith("equal bytes")
    assert "the record does not say where it is" in shell("reproduce", "Count", code=1).err


COUNTED = """
from dataclasses import dataclass
from alexflow import JSONOutput, Output, Task, source

@dataclass(frozen=True)
class Count(Task):
    rows: Output

    def input(self):
        return self.rows

    def output(self):
        return self.build_output(JSONOutput[int], key="count.json")

    def run(self, input, output):
        output.store(len(input.load()))

@dataclass(frozen=True)
class Twice(Count):
    def run(self, input, output):
        output.store(2 * input.load())

def target():
    return Twice(Count(source("rows.csv")).output())
"""
