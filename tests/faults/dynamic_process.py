"""An engine that kills itself: ``python -m tests.faults.dynamic_process storage log nth``.

It does so at the nth time that it is about to publish or remove what is held for a dynamic task.
"""

import itertools
import os
import signal
import sys
from typing import Any

import alexflow
from tests.faults.dynamic_tasks import Setting, mail


def die_at(nth: int) -> None:
    """Die at the nth link or removal of a file that is held."""
    numbers = itertools.count(1)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        held = event in ("os.link", "os.remove") and "-for-" in str(arguments[0])
        if held and next(numbers) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    storage, log, nth = sys.argv[1:]
    die_at(int(nth))
    alexflow.run(mail(Setting(log)), storage=storage, workers=2)
