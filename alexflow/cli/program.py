"""The program behind ``alexflow`` and ``python -m alexflow``: finds the command, runs it, and answers for errors."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module

from alexflow.cli.arguments import COMMANDS, Parser
from alexflow.cli.wrong_use import WrongUse
from alexflow.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_WRONG_USE
from alexflow.hooks import suggestion

#: Words by which other programs call what a command does.
_SAME_ELSEWHERE = {
    **dict.fromkeys(("ls", "list", "search", "query"), "find"),
    **dict.fromkeys(("rm", "delete", "remove", "clean", "prune"), "gc"),
    **dict.fromkeys(("history", "ps"), "runs"),
    **dict.fromkeys(("ui", "web", "server", "dashboard"), "serve"),
    **dict.fromkeys(("info", "inspect", "cat"), "show"),
    **{"dag": "graph", "tree": "graph", "check": "verify", "dry-run": "plan", "top": "watch"},
}


def main(arguments: Sequence[str] | None = None, loaded: Callable[[], None] = lambda: None) -> int:
    """Run a command.

    Args:
        arguments: the words after ``alexflow``; by default those that the process was started with.
        loaded: called when the command's modules are imported, before it does anything.

    Returns:
        The exit code, as :func:`alexflow.exit_code` gives it.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _have_streams()
    _allow_any_text()
    try:
        code = _execute(words, loaded)
        sys.stdout.flush()
        return code
    except WrongUse as error:
        return _complain(str(error), EXIT_WRONG_USE)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it flushes
        return EXIT_DONE
    except KeyboardInterrupt:
        return _complain("interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        return _answer_for(error)


def _have_streams() -> None:
    """Open what the process was started without, as by ``>&-``; also lest a socket gets the number of a stream."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # as long as the process lives


def _allow_any_text() -> None:
    """Let standard output show with backslashes what its encoding lacks, as standard error does."""
    if getattr(sys.stdout, "errors", None) == "strict" and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _execute(words: list[str], loaded: Callable[[], None]) -> int:
    if words[:1] == ["help"] and words[1:]:
        words = [words[1], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return EXIT_DONE
    if words[0] in ("-V", "--version"):
        print(f"alexflow {_version()}")
        return EXIT_DONE
    name = words[0]
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        meant = f"; did you mean {_SAME_ELSEWHERE[name]}?" if name in _SAME_ELSEWHERE else suggestion(name, COMMANDS)
        raise WrongUse(f"there is no {kind} {name!r}{meant} (alexflow --help)")
    options = _parsed(Parser(name), words[1:])
    execute = import_module(f"alexflow.cli.{name}").execute
    loaded()
    try:
        if not getattr(options, "json", False):
            return int(execute(options))
        with redirect_stdout(sys.stderr):  # what users' code prints; the answer goes to the real one
            return int(execute(options))
    except LookupError as error:
        from alexflow.cli.failures import name_failure  # deferred: only for this message

        raise name_failure(error, options) from error.__cause__


def _parsed(parser: Parser, words: list[str]) -> argparse.Namespace:
    if parser.get_default("fields") is not None:  # a command that takes a target: the rest are its fields
        options, rest = parser.parse_known_args(words)
        options.fields = rest
        return options
    options, rest = parser.parse_known_intermixed_args(words)  # also `find Train --json depth=5`
    if rest:
        known = [option for action in parser.actions for option in action.option_strings]
        raise WrongUse(
            f"alexflow {parser.command} takes no {rest[0]!r}{suggestion(rest[0], known)} "
            f"(alexflow {parser.command} --help)"
        )
    return options


def overview() -> str:
    """The text of ``alexflow --help``."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: alexflow COMMAND [--help] …",
            "",
            *(f"  {name:<{width}}  {summary}" for name, (summary, _) in COMMANDS.items()),
            "",
            "A target is module:name, path/to/script.py:name, or a key; fields follow as --name value.",
            "The storage is --storage, else ALEXFLOW_STORAGE, else [tool.alexflow] of pyproject.toml, else .alexflow.",
            "Exit codes: 0 done, 1 something failed, 2 wrong use, 130 interrupted.",
        ]
    )


def _version() -> str:
    from importlib.metadata import version  # deferred: it reads files

    return version("alexflow")


def _answer_for(error: Exception) -> int:
    """Report an error of alexflow in as many lines as it has; any other is a fault, and has its traceback."""
    from alexflow.errors import AlexflowError, NotRecorded, RunFailed  # deferred: help needs none of it

    if not isinstance(error, AlexflowError):
        raise error
    if isinstance(error, RunFailed):
        return _complain(str(error.report), EXIT_FAILED)
    if isinstance(error, NotRecorded):  # a key or id that was typed
        return _complain(str(error), EXIT_WRONG_USE)
    from alexflow.engine.main import exit_code  # deferred, as above

    return _complain(f"{error}", exit_code(error))


def _complain(text: str, code: int) -> int:
    print(f"alexflow: {text}", file=sys.stderr)
    return code
