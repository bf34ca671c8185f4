"""Objects that pickle refers to by a name, in a program that no worker can import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

SCRIPT = '''
import sys
from dataclasses import dataclass, field
from typing import Any, NewType, ParamSpec, TypeVarTuple
import alexflow
from alexflow import JSONOutput, Task

UserId = NewType("UserId", int)
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")

class Missing:
    """A sentinel, as many libraries make them."""

    def __init__(self):
        self.itself = self

    def __reduce__(self):
        return "MISSING"

MISSING = Missing()

class Names:
    """A place for another."""

class Inner(Missing):
    def __reduce__(self):
        return "Names.INNER"

Names.INNER = Inner()

@dataclass(frozen=True)
class Looks(Task):
    user: UserId
    names: "UserId | None" = None
    given: Any = field(default=MISSING, compare=False)
    other: Any = field(default=None, compare=False)

    def output(self):
        return self.build_output(JSONOutput, key="looks.json")

    def run(self, input, output):
        def function(first: UserId, *args: P.args, **kwargs: P.kwargs) -> tuple[*Ts]:
            return UserId(first)

        output.store([
            function(self.user), UserId.__module__, self.given is MISSING, MISSING.itself is MISSING, repr(Ts), repr(P),
            getattr(self.other, "__name__", None) or self.other is Names.INNER,
        ])

@dataclass(frozen=True)
class Given(Task):
    """Its class uses nothing of what it is given."""

    cargo: Any = field(default=None, compare=False)

    def output(self):
        return self.build_output(JSONOutput, key="given.json")

    def run(self, input, output):
        output.store([type(value).__name__ for value in self.cargo])

tasks = [Looks(UserId(3)), Looks(UserId(4), other=UserId), Looks(UserId(5), other=Names.INNER)]
result = alexflow.run([*tasks, Given([MISSING, UserId, P, Names.INNER])], storage=sys.argv[1], workers=1)
for output in result.output:
    print(output.load())
'''


def test_they_travel_with_what_uses_them(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", "results"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("~Ts", "Ts").splitlines() == [  # Python 3.15 shows it with a tilde
        "[3, '__main__', True, True, 'Ts', '~P', False]",
        "[4, '__main__', True, True, 'Ts', '~P', 'UserId']",
        "[5, '__main__', True, True, 'Ts', '~P', True]",
        "['Missing', 'NewType', 'ParamSpec', 'Inner']",
    ]
