"""alexflow 1.1.4 itself, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

#: Names the Python of an environment that has alexflow 1.1.4; ``nox -s legacy`` makes one.
VARIABLE = "ALEXFLOW_1_PYTHON"


def plain() -> dict[str, str]:
    """The environment without what is meant for this Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class Peer:
    """Answers recipes as ``former_tasks.answer`` does under 1.1.4."""

    def __init__(self) -> None:
        script = Path(__file__).parent / "former_tasks.py"
        self._process = subprocess.Popen(
            [os.environ[VARIABLE], str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain()
        )

    def ask(self, recipe: list[Any]) -> dict[str, Any]:
        """Its answer to a recipe."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(recipe).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()
