"""``python -m alexflow``, and the command ``alexflow``."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command that this process was started for, and return its exit code.

    What is imported for a command stays until the end. To look for garbage in it, while it is imported and when the
    interpreter ends, takes a quarter of a short command's time; so that is not done.
    """
    gc.disable()
    from alexflow.cli import program  # deferred: it is what is imported

    try:
        return program.main(loaded=_keep)
    finally:
        if "alexflow.cli.targets" not in sys.modules:  # else there may be users' objects, which are finalized
            gc.freeze()


def _keep() -> None:
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    sys.exit(main())
