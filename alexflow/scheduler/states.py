"""The states of a task and all transitions between them. The diagram in the docs is made from this table."""

from __future__ import annotations

from typing import Final

WAITING: Final = "waiting"  # for inputs, or for its graph to be known whole
READY: Final = "ready"  # its inputs exist; it waits for slots under its tags' limits
QUEUED: Final = "queued"  # it waits for a place
RUNNING: Final = "running"
GENERATING: Final = "generating"  # a dynamic task: it generates tasks, or waits for them
CLOSING: Final = "closing"  # a dynamic task: all its children are done
DELAYED: Final = "delayed"  # before a retry
ELSEWHERE: Final = "elsewhere"  # another engine holds it
CANCELLING: Final = "cancelling"
FAILING: Final = "failing"  # it has failed for good; what depends on it is being skipped
DONE: Final = "done"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"  # something it needs failed
FORGOTTEN: Final = "forgotten"  # it is not wanted any more

STATES = (
    WAITING,
    READY,
    QUEUED,
    RUNNING,
    GENERATING,
    CLOSING,
    DELAYED,
    ELSEWHERE,
    CANCELLING,
    FAILING,
    DONE,
    FAILED,
    SKIPPED,
    FORGOTTEN,
)

#: States without a way out; the task is dropped from memory.
FINAL = frozenset({DONE, FAILED, SKIPPED, FORGOTTEN})

#: States in which something outside the scheduler works on the task, and reports its end.
ACTIVE = frozenset({RUNNING, GENERATING, CLOSING, CANCELLING})

#: (state, cause) → state. Any other transition is impossible.
TRANSITIONS: dict[tuple[str, str], str] = {
    (WAITING, "inputs exist"): READY,
    (WAITING, "inputs exist, no tags"): QUEUED,
    (WAITING, "made elsewhere"): DONE,
    (WAITING, "input failed"): SKIPPED,
    (WAITING, "graph wrong"): FAILED,
    (WAITING, "unwanted"): FORGOTTEN,
    (READY, "slot free"): QUEUED,
    (READY, "slot free, dynamic"): GENERATING,
    (READY, "made elsewhere"): DONE,
    (READY, "unwanted"): FORGOTTEN,
    (QUEUED, "place free"): RUNNING,
    (QUEUED, "made elsewhere"): DONE,
    (QUEUED, "unwanted"): FORGOTTEN,
    (RUNNING, "succeeded"): DONE,
    (RUNNING, "error, retries left"): DELAYED,
    (RUNNING, "error"): FAILING,
    (RUNNING, "inputs lost"): WAITING,
    (RUNNING, "worker lost"): READY,
    (RUNNING, "revoked"): QUEUED,
    (RUNNING, "held elsewhere"): ELSEWHERE,
    (RUNNING, "made elsewhere"): DONE,
    (RUNNING, "unwanted"): CANCELLING,
    (RUNNING, "unwanted, ended"): FORGOTTEN,
    (GENERATING, "all generated"): CLOSING,
    (GENERATING, "error, retries left"): DELAYED,
    (GENERATING, "error"): FAILING,
    (GENERATING, "inputs lost"): WAITING,
    (GENERATING, "generated task failed"): FAILING,
    (GENERATING, "unwanted"): CANCELLING,
    (CLOSING, "succeeded"): DONE,
    (CLOSING, "error, retries left"): DELAYED,
    (CLOSING, "error"): FAILING,
    (CLOSING, "unwanted"): CANCELLING,
    (DELAYED, "delay over"): READY,
    (DELAYED, "unwanted"): FORGOTTEN,
    (ELSEWHERE, "free again"): READY,
    (ELSEWHERE, "made elsewhere"): DONE,
    (ELSEWHERE, "unwanted"): FORGOTTEN,
    (CANCELLING, "ended"): FORGOTTEN,
    (CANCELLING, "succeeded"): DONE,
    (CANCELLING, "wanted again"): READY,
    (FAILING, "dependents skipped"): FAILED,
}


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {WAITING}"]
    lines += [f"    {source} --> {target}: {cause}" for (source, cause), target in TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state in STATES if state in FINAL]
    return "\n".join(lines)
