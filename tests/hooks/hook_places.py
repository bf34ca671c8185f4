"""All hooks of users' classes, and where the engine calls them outside of a ``try`` of the boundary.

:mod:`alexflow.hooks` says how a call is marked. ``tests/hooks/test_places.py`` holds the code against these tables: a
call of a hook that stands neither in a ``try`` whose handler is ``except BaseException`` nor in a function listed here
fails the test, and so does a call of a listed function from a place that is not guarded itself. So does a new method of
a task or an output that no table knows.

The packages ``model``, ``identity``, ``formats``, ``sources``, ``serialization`` and ``storage`` are not searched: what
they call they call inside a hook, or for a caller who asked them directly and gets the exception as it is.
"""

from __future__ import annotations

#: Hooks that are called while a task is described or its outputs are looked for. What they raise is a
#: :class:`~alexflow.errors.HookError` of the request, or of the dynamic task that gave the task.
ASKED = {
    "input": "the outputs that a task reads",
    "output": "the outputs that it stores",
    "tags": "names that limits may be set for",
    "retry": "which failures are followed by another attempt",
    "options": "where it runs, and how long",
    "resource_spec": "what it needs of the machine",
    "task_id": "its id; runs `encode` and __canonical__ of its fields",
    "known_id": "the id, if it is known",
    "unwrapped": "the task behind a wrapper",
    "src_task": "the task behind an output",
    "src_task_id": "the id of that",
    "output_id": "the identity of an output",
    "physical_key_list": "the keys of an output",
    "assign_storage": "the same output, bound to a storage",
}

#: Hooks that an attempt calls. What they raise is the task's failure, with the original exception.
WORK = {
    "run": "a task's work",
    "generate": "a dynamic task's; also what it gives is iterated over, and awaited",
    "aload": "the value of an output, for `Engine.load`",
    "part_codec": "what makes bytes of parts, for `Engine.stream`",
}

#: Hooks that only these call: other hooks (those of a base class), Python itself, and who holds the object.
INNER = {
    "version": "by task_id",
    "task_name": "by task_id",
    "__canonical__": "by task_id",
    "__post_init__": "where a task is made: by users, and in a worker before its attempt",
    "__init_subclass__": "where a class is made",
    "__getstate__": "where a task or an output is pickled: ShippingError",
    "__deepcopy__": "by users",
    "__getitem__": "by users who take an output for its value; it refuses",
    "__eq__": "by users: the engine compares ids and keys, as exact strings",
    "__hash__": "by users, for the same reason",
    "__repr__": "by repr_of(), which gives a text in any case",
    "__str__": "the same, of exceptions by text_of()",
    "encode": "by store() and astore()",
    "decode": "by load() and aload()",
    "key": "the engine reads it where it calls physical_key_list",
    "storage": "by load() and the like",
    "safe_to_share": "by formats",
    "ephemeral": "where inputs are asked for",
    "task": "by unwrapped()",
    **dict.fromkeys(("build_output", "serialize", "as_ephemeral", "bound_storage", "exists", "aexists"), "by users"),
    **dict.fromkeys(
        ("remove", "aremove", "store", "astore", "append", "aappend", "load", "open", "aopen", "path", "apath"),
        "by users",
    ),
}

#: Python's and a storage's, called where the others are.
PROTOCOLS = {
    "__iter__": "of targets, of trees of outputs, and of what generate() gives",
    "__call__": "of what makes a task of an item of `Engine.map`",
    "__reduce__": "where a task travels to a worker process",
    "exists_many": "of a storage of the user's",
    "reserved": "the same",
}

#: Objects of ours that have attributes of the same names, by what code calls them.
OURS = frozenset(
    {"self", "job", "spec", "event", "outcome", "instruction", "failed", "decided", "entry", "told", "sent", "claim"}
    | {"described", "defaults", "_defaults", "check", "wanted", "follower", "successor", "cause", "error"}
    | {
        "context",
        "_context",
        "_context()",
        "asyncio",
        "copy()",
        "engine",
        "failure",
        "_threads",
        "DynamicTask",
        "WrapperTask",
    }
    | {"type()", "plan", "live", "run", "request"}
)

#: Functions that call hooks inside the ``try`` of whoever calls them.
INSIDE = frozenset(
    {
        "alexflow.engine.dynamic:Generator._call_generate",
        "alexflow.engine.dynamic:Generator._pull",
        "alexflow.engine.dynamic:Generator._pull_in_time",
        "alexflow.engine.existing:_Targets.gather_targets",
        "alexflow.engine.existing:_Targets._add_output",
        "alexflow.engine.existing:_Targets._add_task",
        "alexflow.engine.task_lines:TaskLines._add_named",
        "alexflow.engine.task_lines:TaskLines._in_columns",
        "alexflow.engine.task_lines:TaskLines._new_shape",
        "alexflow.engine.task_lines:TaskLines._shape",
        "alexflow.engine.task_lines:TaskLines._shapes_of",
        "alexflow.engine.task_lines:_unwrapped",
        "alexflow.engine.task_lines:tasks_in_fields",
        "alexflow.engine.targets:Request.all_tasks",
        "alexflow.engine.targets:_bind",
        "alexflow.engine.targets:_collect",
        "alexflow.engine.targets:_collect_parts",
        "alexflow.engine.targets:_not_runnable",
        "alexflow.executors.attempt:_explanation",
        "alexflow.executors.attempt:_keys",
        "alexflow.executors.attempt:_missing",
        "alexflow.executors.attempt:bind",
        "alexflow.executors.attempt:check_id",
        "alexflow.executors.process.worker.unpack:Unpacker.unpack_job",
        "alexflow.executors.process.payload:Packer._column",
        "alexflow.executors.process.payload:Packer._reference",
        "alexflow.executors.process.payload:_FieldPickler._output_arguments",
        "alexflow.executors.process.payload:_FieldPickler.reducer_override",  # called by pickle
        "alexflow.graph.code_check:_rule_of",
        "alexflow.graph.describe:Defaults.register_class",
        "alexflow.graph.describe:_check_keys",
        "alexflow.graph.describe:_check_stored_for_another",
        "alexflow.graph.describe:_exact_keys",
        "alexflow.graph.describe:_inputs",
        "alexflow.graph.describe:_is_acyclic",
        "alexflow.graph.describe:_lasting_inputs",
        "alexflow.graph.describe:_produced_keys",
        "alexflow.graph.describe:_leaves",
        "alexflow.graph.describe:_settings",
        "alexflow.graph.placement:kind_of",
        "alexflow.graph.placement:options_of",
        "alexflow.graph.placement:spec_of_class",
        "alexflow.graph.force:_matches",
        "alexflow.graph.catalog:Catalog.claim_key",
        "alexflow.graph.class_registry:ClassRegistry.register_class",
    }
)

#: Functions that make text of what looks like a user's object, and why they may.
TEXTS = {
    "alexflow.engine.options:check_values": "the caller's own arguments, told to the caller",
    "alexflow.engine.run_failures:_failed_task": "a TaskError of ours",
    "alexflow.engine.main:main": "an error of ours, or a report",
    "alexflow.executors.process.outcomes:cannot_start": "an OSError or ShippingError of ours",
    "alexflow.executors.process.worker.settings:ProcessSettings.put_back": "an OSError of the operating system's",
    "alexflow.executors.process.worker.main:Worker._end": "the same, of descriptors",
    "alexflow.executors.workers:Workers._check": "the caller's own arguments, told to the caller",
    "alexflow.graph.describe:undeclared_output": "an exact key",
    "alexflow.progress.text:failure": "an exact text",
}
