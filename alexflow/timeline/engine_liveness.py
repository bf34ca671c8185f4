"""Whether the engine of a run that has not ended is still there."""

from __future__ import annotations

import os
import socket

from alexflow.timeline.run_fold import RunFold


def engine_is_gone(run: RunFold) -> bool:
    """Return whether a run has no end and its engine's process is gone; of another machine's that is not known."""
    if run.ended is not None or run.header.host != socket.gethostname():
        return False
    try:
        os.kill(run.header.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's
        return False
    return False
