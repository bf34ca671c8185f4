"""``alexflow completion SHELL``: a script for the shell to load.

The script is made from the parsers, so that it has each command and option, and starts no Python when it completes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

from alexflow.cli.arguments import COMMANDS, Parser


class _Option(NamedTuple):
    names: list[str]
    help: str
    choices: list[str]
    takes_value: bool


class _Completed(NamedTuple):
    """A command, its options, and the words that its arguments may be; where there are none, files."""

    name: str
    summary: str
    options: list[_Option]
    words: list[str]


def execute(options: argparse.Namespace) -> int:
    """Print the script."""
    commands = [_completed(name, each.summary) for name, each in COMMANDS.items()]
    print(*{"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell](commands), sep="\n")
    return 0


def _completed(name: str, summary: str) -> _Completed:
    options: list[_Option] = []
    words: list[str] = []
    for action in Parser(name).actions:
        choices = [str(choice) for choice in action.choices or ()]
        if action.option_strings:
            help = "show the command's help" if action.dest == "help" else action.help or ""
            options.append(_Option(list(action.option_strings), help, choices, action.nargs != 0))
        else:
            words += choices
    return _Completed(name, summary, options, words)


def _bash(commands: list[_Completed]) -> Iterator[str]:
    yield "_alexflow() {"
    yield '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"'
    yield '    local command="${COMP_WORDS[1]}" options="" words=""'
    yield "    COMPREPLY=()"
    yield "    if [ $COMP_CWORD -eq 1 ]; then"
    yield f'        COMPREPLY=($(compgen -W "{" ".join(each.name for each in commands)}" -- "$current"))'
    yield "        return"
    yield "    fi"
    yield '    case "$command $previous" in'
    for each in commands:
        for option in each.options:
            if option.choices:
                names = "|".join(f'"{each.name} {name}"' for name in option.names)
                choices = " ".join(option.choices)
                yield f'        {names}) COMPREPLY=($(compgen -W "{choices}" -- "$current")); return ;;'
    yield "    esac"
    yield '    case "$command" in'
    for each in commands:
        names = " ".join(name for option in each.options for name in option.names)
        yield f'        {each.name}) options="{names}" words="{" ".join(each.words)}" ;;'
    yield "    esac"
    yield '    if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$current"))'
    yield '    elif [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield '    else COMPREPLY=($(compgen -f -- "$current")); fi'
    yield "}"
    yield "complete -o filenames -F _alexflow alexflow"


def _zsh(commands: list[_Completed]) -> Iterator[str]:
    yield "#compdef alexflow"
    yield "_alexflow() {"
    yield "    local -a commands"
    yield f"    commands=({' '.join(_quoted(f'{each.name}:{each.summary}') for each in commands)})"
    yield "    if (( CURRENT == 2 )); then _describe command commands; return; fi"
    yield '    case "$words[2]" in'
    for each in commands:
        specs = [_zsh_option(name, option) for option in each.options for name in option.names]
        specs.append(_quoted(f"*:word:({' '.join(each.words)})" if each.words else "*:target:_files"))
        yield f"        {each.name}) shift words; (( CURRENT-- )); _arguments {' '.join(specs)} ;;"
    yield "    esac"
    yield "}"
    yield "compdef _alexflow alexflow"


def _zsh_option(name: str, option: _Option) -> str:
    help = option.help.replace("[", "(").replace("]", ")").replace(":", ",")
    value = f":value:({' '.join(option.choices)})" if option.choices else ":value:_files" if option.takes_value else ""
    return _quoted(f"{name}[{help}]{value}")


def _fish(commands: list[_Completed]) -> Iterator[str]:
    for each in commands:
        yield f"complete -c alexflow -n __fish_use_subcommand -f -a {each.name} -d {_quoted(each.summary)}"
        seen = f"__fish_seen_subcommand_from {each.name}"
        for word in each.words:
            yield f"complete -c alexflow -n '{seen}' -f -a {word}"
        for option in each.options:
            names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            value = f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r" if option.takes_value else ""
            yield f"complete -c alexflow -n '{seen}' {names}{value} -d {_quoted(option.help)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", r"'\''") + "'"
