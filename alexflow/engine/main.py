"""``main``: a script that is one run, with an exit code for each kind of end."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from alexflow.engine.run import run
from alexflow.errors import AlexflowError, DefinitionError, RunFailed, UnknownStorage
from alexflow.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_WRONG_USE


def exit_code(error: BaseException | None) -> int:
    """Return the code with which a program should exit.

    ======  ==========================================================================================
    ``0``   no error: every target's output was seen to exist
    ``1``   tasks failed, or anything else went wrong: the storage, a bug
    ``2``   the workflow or the request is wrong as it is written (``DefinitionError``, ``UnknownStorage``):
            trying again cannot help
    ``130``  interrupted (Ctrl-C), or cancelled
    ======  ==========================================================================================

    Args:
        error: what :func:`alexflow.run` or :func:`alexflow.arun` raised; None if nothing.
    """
    if error is None:
        return EXIT_DONE
    asyncio = sys.modules.get("asyncio")  # loaded if one of its errors was raised
    if isinstance(error, KeyboardInterrupt) or (asyncio and isinstance(error, asyncio.CancelledError)):
        return EXIT_INTERRUPTED
    if isinstance(error, (DefinitionError, UnknownStorage)):
        return EXIT_WRONG_USE
    return EXIT_FAILED


def main(target: Any, **options: Any) -> NoReturn:
    """Call :func:`alexflow.run` as the last thing a script does: print the result, and exit.

    The result goes to standard output; failures go to standard error, without the traceback of this program. The exit
    codes are those of :func:`exit_code`.

    Args:
        target: as for :func:`alexflow.arun`.
        options: as for :func:`alexflow.run`.
    """
    try:
        result = run(target, **options)
    except RunFailed as failed:
        _complain(str(failed.report))
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        _complain("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except AlexflowError as error:
        _complain(f"{type(error).__name__}: {error}")
        sys.exit(exit_code(error))
    if result.failures:
        _complain(str(result.report))
    print(result)
    sys.exit(EXIT_DONE if result.ok else EXIT_FAILED)


def _complain(text: str) -> None:
    print(f"alexflow: {text}", file=sys.stderr)
