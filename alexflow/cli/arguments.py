"""The arguments of every command: all that help and completion need, without loading what the commands do."""

from __future__ import annotations

import argparse
import os
import re
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, NoReturn

from alexflow.cli.wrong_use import WrongUse

GRAPH_FORMATS = ("tree", "mermaid", "dot", "svg", "html")

#: Nodes of a picture; of a larger graph the classes are drawn.
MAX_DRAWN = 2000

SHELLS = ("bash", "zsh", "fish")


def _columns() -> int:
    """The width for help. By default argparse loads what finds it out for every argument, which takes a while."""
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(1).columns) - 2
    except (OSError, ValueError):  # no terminal
        return 78


class CommandArguments(NamedTuple):
    """A command: the line that help shows for it, and what adds its arguments to a parser."""

    summary: str
    configure: Callable[[ArgumentParser], None]


class Parser(ArgumentParser):
    """Reports a wrong argument as a :class:`WrongUse`, in one line, where argparse would print the usage, too."""

    def __init__(self, command: str, **options: Any):
        summary = COMMANDS[command].summary
        super().__init__(
            prog=f"alexflow {command}",
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=_columns()),
            allow_abbrev=False,
            **options,
        )
        self.command = command
        COMMANDS[command].configure(self)

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"argument (\S+): invalid (?:int|float) value: (.*)", r"\1 takes a number, not \2", message)
        raise WrongUse(f"{message} (alexflow {self.command} --help)")

    @property
    def actions(self) -> list[argparse.Action]:
        """The arguments; argparse itself lists them nowhere."""
        return self._actions


def _run(parser: ArgumentParser) -> None:
    _add_target(parser)
    _add_storage(parser)
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes; by default one per CPU")
    parser.add_argument("--executor", metavar="NAME", help="what runs a plain def run: process or thread")
    parser.add_argument("--limit", action="append", default=[], metavar="TAG=N", help="tasks with a tag at once")
    parser.add_argument("--retries", type=int, metavar="N", help="further attempts at a failed task")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="seconds that one attempt may take")
    parser.add_argument("--force", action="store_true", help="compute the target itself again")
    parser.add_argument(
        "--force-class", action="append", default=[], metavar="MODULE:CLASS", help="compute all tasks of a class again"
    )
    parser.add_argument("--keep-going", action="store_true", help="run what does not depend on a failed task")
    parser.add_argument("--quiet", action="store_true", help="no progress, and no output of tasks")
    _add_json(parser)


def _plan(parser: ArgumentParser) -> None:
    _add_target(parser)
    _add_storage(parser)
    parser.add_argument("--force", action="store_true", help="plan as if the target itself were computed again")
    parser.add_argument("--tasks", action="store_true", help="list each task by its id")
    _add_json(parser)


def _graph(parser: ArgumentParser) -> None:
    _add_target(parser)
    _add_storage(parser)
    parser.add_argument("--format", choices=GRAPH_FORMATS, help="by default that of --output's name, else tree")
    parser.add_argument("--output", "-o", metavar="FILE", help="write it there")
    parser.add_argument("--by-class", action="store_true", help=f"one node a class; always above {MAX_DRAWN:,} nodes")
    parser.add_argument(
        "--from", dest="first", metavar="A", help="only the paths from A, a class or the start of an id"
    )
    parser.add_argument("--to", dest="last", metavar="B", help="only the paths to B; by default the target")
    _add_json(parser)


def _show(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="a key or a task's id, or how one begins")
    _add_storage(parser)
    _add_json(parser)


def _find(parser: ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", default=[], metavar="CLASS or CONDITION", help="Train, depth=5, 'lr<0.1', model~=resnet"
    )
    _add_storage(parser)
    parser.add_argument("--newer", metavar="AGE", help="only what finished within this time, such as 15min, 6h or 2d")
    parser.add_argument("--larger", metavar="SIZE", help="only what stored more than this, such as 20MB")
    parser.add_argument("--run", metavar="RUN", help="only what ran for this run")
    _add_limit(parser)
    _add_json(parser, "one line of JSON for each")


def _table(parser: ArgumentParser) -> None:
    parser.add_argument("cls", metavar="CLASS", help="the tasks' class: pkg.Train, or its end, Train")
    parser.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="NAME=ENDING:PATH or CONDITION",
        help="accuracy=metrics.json:accuracy, a value of each task's output; depth=5, 'lr<0.1', model~=resnet",
    )
    _add_storage(parser)
    _add_limit(parser)
    as_file = parser.add_mutually_exclusive_group()
    as_file.add_argument("--csv", action="store_true", help="print all rows as CSV")
    as_file.add_argument("--parquet", metavar="FILE", help="write all rows to a Parquet file, with pyarrow")
    _add_json(as_file, "one line of JSON for each row")


def _explain(parser: ArgumentParser) -> None:
    _add_target(parser)
    _add_storage(parser)
    _add_json(parser)


def _runs(parser: ArgumentParser) -> None:
    _add_storage(parser)
    parser.add_argument("--failed", action="store_true", help="only those that failed")
    parser.add_argument("--all", action="store_true", help="also those that tasks of others asked for")
    _add_limit(parser)
    _add_json(parser, "one line of JSON for each")


def _log(parser: ArgumentParser) -> None:
    _add_run(parser)
    _add_storage(parser)
    _add_json(parser)


def _report(parser: ArgumentParser) -> None:
    _add_run(parser)
    _add_storage(parser)
    parser.add_argument("--output", "-o", default="report.html", metavar="FILE", help="by default report.html")
    _add_json(parser)


def _trace(parser: ArgumentParser) -> None:
    _add_run(parser)
    _add_storage(parser)
    parser.add_argument(
        "--output",
        "-o",
        default="trace.json",
        metavar="FILE",
        help="by default trace.json; Perfetto's own form if it ends with .pftrace",
    )
    _add_json(parser)


def _watch(parser: ArgumentParser) -> None:
    _add_run(parser)
    _add_storage(parser)
    parser.add_argument("--once", action="store_true", help="show it as it is now, and end")
    _add_json(parser)


def _serve(parser: ArgumentParser) -> None:
    _add_storage(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="by default 127.0.0.1: this machine only"
    )
    parser.add_argument("--port", type=int, default=8200, metavar="N", help="by default 8200")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name under which browsers may ask for it"
    )


def _why(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="a key or a task's id, or how one begins")
    _add_storage(parser)
    _add_json(parser)


def _status(parser: ArgumentParser) -> None:
    _add_storage(parser)
    parser.add_argument("--rebuild-index", action="store_true", help="make the index of the record from nothing")
    _add_json(parser)


def _gc(parser: ArgumentParser) -> None:
    parser.add_argument(
        "keys", nargs="*", default=[], metavar="KEY", help="outputs to remove, also those without a record"
    )
    _add_storage(parser)
    parser.add_argument("--older-than", metavar="AGE", help="what was not used for so long, such as 30d")
    parser.add_argument("--max-bytes", metavar="SIZE", help="what was used least recently, until no more is left")
    parser.add_argument("--unreachable", action="store_true", help="what nothing that is kept was made from")
    parser.add_argument("--keep", action="append", default=[], metavar="TARGET", help="kept, with its upstream")
    parser.add_argument("--keep-runs", metavar="AGE", help="what runs of this time made is kept, with its upstream")
    parser.add_argument(
        "--merge-segments", action="store_true", help="no removal: many small files of the record become few"
    )
    parser.add_argument("--apply", action="store_true", help="do it; without this it is only listed")
    _add_json(parser)


def _pin(parser: ArgumentParser) -> None:
    parser.add_argument("key", nargs="?", metavar="KEY", help="a key or a task's id; without it the pins are listed")
    _add_storage(parser)
    parser.add_argument("--upstream", action="store_true", help="keep all that it was made from, too")
    parser.add_argument("--comment", default="", metavar="TEXT", help="why, for people")
    _add_json(parser)


def _unpin(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="what was pinned, or how it begins")
    _add_storage(parser)
    _add_json(parser)


def _diff(parser: ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="an output's key, a run's id, or a storage")
    parser.add_argument("second", metavar="B", help="another of the same kind")
    _add_storage(parser)
    parser.add_argument("--other-storage", metavar="URL", help="the storage of the output B, if it is another")
    parser.add_argument("--values", action="store_true", help="load outputs, and find where their values differ")
    _add_json(parser)


def _reproduce(parser: ArgumentParser) -> None:
    parser.add_argument("key", nargs="?", metavar="KEY", help="a key or a task's id, or how one begins")
    _add_storage(parser)
    parser.add_argument("--deep", action="store_true", help="compute everything upstream again, too")
    parser.add_argument("--sample", type=int, metavar="N", help="N outputs of the storage, drawn by chance")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another one draws another sample")
    parser.add_argument("--workers", type=int, metavar="N", help="worker processes; by default one per CPU")
    _add_json(parser)


def _verify(parser: ArgumentParser) -> None:
    parser.add_argument("keys", nargs="*", default=[], metavar="KEY", help="which outputs; by default all")
    _add_storage(parser)
    parser.add_argument("--prefix", default="", help="only those whose keys begin so")
    parser.add_argument(
        "--no-quarantine", dest="quarantine", action="store_false", help="leave damaged ones where they are"
    )
    _add_json(parser)


def _copy(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the storage that has the outputs: a directory or URL")
    parser.add_argument("destination", metavar="DESTINATION", help="the storage that is to have them, too")
    parser.add_argument("--prefix", default="", help="only those whose keys begin so")
    parser.add_argument("--key", action="append", metavar="KEY", help="only this output; may be repeated")
    for name in ("source", "destination"):
        parser.add_argument(
            f"--{name}-option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"an option of the URL {name.upper()}",
        )
    _add_json(parser)


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="an output's key or a task's id, or how one begins")
    _add_storage(parser)
    parser.add_argument("--ro-crate", required=True, metavar="DIR", help="write a Workflow Run RO-Crate there")
    parser.add_argument("--upstream", action="store_true", help="with the files of all that it was made from, too")
    parser.add_argument("--license", default="", metavar="URL", help="the license of the results, for the crate")
    _add_json(parser)


def _agent(parser: ArgumentParser) -> None:
    parser.add_argument("--connect", required=True, metavar="HOST:PORT", help="where the engine listens for agents")
    parser.add_argument("--places", type=int, metavar="N", help="jobs at once; by default one per CPU")
    parser.add_argument("--threads", type=int, metavar="N", help="of libraries in each; by default CPUs by places")
    parser.add_argument("--cpus", type=int, metavar="N", help="that tasks may claim; by default those it may use")
    parser.add_argument("--memory", metavar="SIZE", help="for all its tasks, such as 64GiB; it sees to that")
    parser.add_argument(
        "--devices", action="append", metavar="KIND=LIST", help="such as gpu=0,1; by default the GPUs that it finds"
    )
    parser.add_argument("--token-file", metavar="FILE", help="has the token; by default ALEXFLOW_AGENT_TOKEN is it")
    parser.add_argument("--tls-ca", metavar="FILE", help="dial with TLS: certificates that the engine's is to be of")
    parser.add_argument("--tls-cert", metavar="FILE", help="the agent's own certificate, if the engine asks for one")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, if that is in another file")
    parser.add_argument("--name", default="", help="for people; by default the machine's")
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="SECONDS", help="dial again for so long while no engine answers"
    )
    parser.add_argument(
        "--time-left", type=float, metavar="SECONDS", help="until this machine is taken away; Slurm says it itself"
    )
    parser.add_argument(
        "--with-stdin", action="store_true", help="read the token from standard input, and end when that ends"
    )


def _completion(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    parser.epilog = (
        'bash: eval "$(alexflow completion bash)" in ~/.bashrc\n'
        'zsh:  eval "$(alexflow completion zsh)" in ~/.zshrc, after compinit\n'
        "fish: alexflow completion fish > ~/.config/fish/completions/alexflow.fish"
    )


#: Each command. It is done by ``execute`` in the module of its name.
COMMANDS = {
    "run": CommandArguments("make a target's outputs exist", _run),
    "plan": CommandArguments("what a run would start, and why; nothing runs", _plan),
    "graph": CommandArguments("a target's graph, as a tree, Mermaid, DOT, SVG or HTML", _graph),
    "show": CommandArguments("what made an output: parameters, inputs, time, place and cost", _show),
    "find": CommandArguments("stored tasks by class, parameters, age and size", _find),
    "table": CommandArguments("parameters, values of outputs and cost of a class, a row for each task", _table),
    "explain": CommandArguments("why a task ran, or will run: the field, code or source that differs", _explain),
    "why": CommandArguments("what a task waits for, as far as the record says", _why),
    "diff": CommandArguments("compare two outputs, two runs or two storages", _diff),
    "reproduce": CommandArguments("compute an output again from the record, and compare", _reproduce),
    "status": CommandArguments("what a storage holds, and the engines that work on it", _status),
    "runs": CommandArguments("the runs of a storage, the newest first", _runs),
    "log": CommandArguments("what happened in a run, with its failures", _log),
    "report": CommandArguments("a run as one HTML file: timeline, critical path, graph, failures", _report),
    "trace": CommandArguments("a run as a trace for ui.perfetto.dev", _trace),
    "watch": CommandArguments("a run as it goes, also one of another process", _watch),
    "serve": CommandArguments("the live page of a storage's runs", _serve),
    "verify": CommandArguments("compare what is stored with what was published", _verify),
    "gc": CommandArguments("what may be removed by age, size or use; removed with --apply", _gc),
    "pin": CommandArguments("keep an output from gc; without a key, list what is kept", _pin),
    "unpin": CommandArguments("no longer keep an output from gc", _unpin),
    "export": CommandArguments("an output and how it was made, as an RO-Crate for papers and archives", _export),
    "copy": CommandArguments("copy outputs from one storage to another", _copy),
    "agent": CommandArguments("host worker processes here for an engine elsewhere", _agent),
    "completion": CommandArguments("a script that completes commands in bash, zsh or fish", _completion),
}


# -- arguments of several commands


def _add_target(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="module:name, path/to/script.py:name, or a key")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a field, whatever its name")
    parser.set_defaults(fields=[])  # what the parser does not know
    parser.epilog = "All other --name value are fields of the target."


def _add_run(parser: ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's id, or how it begins; by default the last one")


def _add_storage(parser: ArgumentParser) -> None:
    parser.add_argument("--storage", metavar="URL", help="a directory or URL; by default see alexflow --help")
    parser.add_argument(
        "--storage-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the storage's URL, such as endpoint_url=http://localhost:8333",
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a number from 0 on is expected, not {text!r}")
    return int(text)


def _add_limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=_count, metavar="N", help="the first N, 0 for all; by default 50 in a table")


def _add_json(
    parser: argparse._ActionsContainer, help: str = "print the answer as JSON (docs/command-line.md)"
) -> None:
    parser.add_argument("--json", action="store_true", help=help)
