"""The names of spans, attributes and metrics: one table, with a version.

``docs/telemetry.md`` shows it. A name whose meaning changes, or that goes, is a new version; a new name is not. No
names of workflows are stable in OpenTelemetry's conventions yet, so these are alexflow's own, but for ``error.type``.
"""

from __future__ import annotations

#: The version of this table: an attribute of the instrumentation scope.
NAMES_VERSION = 1

SCOPE = "alexflow"
SCOPE_VERSION = "alexflow.names.version"

# -- spans; a task's span has the name of its class

RUN_SPAN = "alexflow.run"

# -- attributes of a run

RUN_ID = "alexflow.run.id"
RUN_TARGETS = "alexflow.run.targets"
RUN_OUTCOME = "alexflow.run.outcome"
RUN_RAN = "alexflow.run.ran"
RUN_CACHED = "alexflow.run.cached"
RUN_SHARED = "alexflow.run.shared"
RUN_FAILED = "alexflow.run.failed"
RUN_SKIPPED = "alexflow.run.skipped"

#: Before the name of each attribute of the request.
REQUEST = "alexflow.request."

# -- attributes of a task

TASK_ID = "alexflow.task.id"
TASK_CLASS = "alexflow.task.class"
TASK_OUTCOME = "alexflow.task.outcome"
TASK_CACHED = "alexflow.task.cached"
TASK_ATTEMPT = "alexflow.task.attempt"
TASK_EXECUTOR = "alexflow.task.executor"
TASK_WORKER = "alexflow.task.worker"
TASK_HOST = "alexflow.task.host"
TASK_BYTES = "alexflow.task.bytes"
ERROR_TYPE = "error.type"

# -- metrics

TASKS_QUEUED = "alexflow.tasks.queued"
TASKS_RUNNING = "alexflow.tasks.running"
RUNS_ACTIVE = "alexflow.runs.active"
TASKS_ENDED = "alexflow.tasks.ended"
TASK_ERRORS = "alexflow.task.errors"
TASK_SECONDS = "alexflow.task.seconds"
OUTPUT_BYTES = "alexflow.output.bytes"
