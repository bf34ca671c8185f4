"""The messages between the engine and a worker: MessagePack arrays in length-prefixed frames.

Annotations are evaluated: msgspec would compile the text of each, half of the time that the import takes.
"""

import struct
from typing import Any

import msgspec
from msgspec import Struct

from alexflow.executors.attempt_host import AttemptFacts
from alexflow.executors.captured_error import CapturedError
from alexflow.executors.interface import Usage
from alexflow.executors.request_context import ContextMessage
from alexflow.executors.task_report import TaskReport

#: Every frame begins with its length: four bytes, little-endian, not counting themselves.
LENGTH = struct.Struct("<I")


class Message(Struct, frozen=True, tag=True, array_like=True):
    """Base of all messages."""


# -- engine to worker


class ProcessEnvironment(Message, frozen=True):
    """Before all else: ``sys.path``, environment and working directory, as the file system has their names,
    ``sys.argv``, and the file and the spec's name of ``__main__``, as far as it has them.

    ``token`` is what separates what one task prints from what the next one does; ``levels`` are those of the engine's
    loggers, ``disabled`` that up to which its logging is switched off. ``devices`` are variables by which libraries
    find the devices to which the worker is bound.
    """

    path: list[bytes]
    environment: dict[bytes, bytes]
    directory: bytes
    token: bytes
    levels: dict[str, int]
    disabled: int
    arguments: list[bytes] = []
    main_file: bytes = b""
    main_spec: str = ""
    devices: dict[bytes, bytes] = {}


class Definition(Struct, frozen=True, array_like=True):
    """A class or function under a number: its name (``module:qualname``), by which it is imported if there is no value
    (cloudpickle).
    """

    number: int
    name: str
    value: bytes = b""


class Hello(Message, frozen=True):
    """Before any job: the name of ``__main__``, the storage (pickled), and the limit of memory, if any.

    ``around`` are the tasks inside which the engine runs. ``initializer`` is called first, if there is one.
    """

    main_name: str
    storage: bytes
    most_memory: int = 0
    around: tuple[str, ...] = ()
    initializer: Definition | None = None


#: A task's fields, in order. A list stands for an output, ``[class, key, length]``, for a list of outputs or of
#: nothing, ``[class, keys, lengths, whether it is a tuple]``, or for what is pickled, ``[bytes]``. If something is
#: pickled, the fields are under their numbers. ``length`` of a key is its task's id.
Fields = dict[int, Any] | list[Any]


class JobMessage(Struct, frozen=True, array_like=True):
    """One job: its number on this worker, its class, its fields, its id.

    ``after`` is the number of another that has to go well first; if it does not, nothing more is said of this one.
    ``threads`` is how many libraries may start for it; 0 for the worker's own share. ``context`` is what it sees of its
    request's.
    """

    number: int
    cls: int
    fields: Fields
    task_id: str
    replace: bool = False
    after: int = 0
    threads: int = 0
    context: ContextMessage | None = None


class Work(Message, frozen=True):
    """Run these, in this order.

    ``cache_epoch`` is another number than before once outputs may be others than before.
    """

    definitions: list[Definition]
    jobs: list[JobMessage]
    cache_epoch: int = 0


class TaskReply(Message, frozen=True):
    """The answer to ``TaskRequest``."""

    definitions: list[Definition]
    cls: int
    fields: Fields
    error: str = ""


class FactsReply(Message, frozen=True):
    """The answer to ``FactsRequest``."""

    facts: AttemptFacts


class Prune(Message, frozen=True):
    """On the control channel: let this job end early."""

    number: int


class Revoke(Message, frozen=True):
    """On the control channel: give back what has not begun, and report what is done."""


# -- worker to engine


class JobsDone(Message, frozen=True):
    """These have run and are published; ``seconds`` each took. Some may have ``printed`` something.

    ``overtaken`` has, by number, keys that were already published; ``usage`` what each has used and stored.
    """

    numbers: list[int]
    seconds: list[float]
    printed: list[int]
    overtaken: dict[int, tuple[str, ...]]
    usage: list[Usage]


class JobFailed(Message, frozen=True):
    """This one failed; it may have ``printed`` something.

    ``peak`` is the most memory that the worker has used, in bytes, if the task had too little.
    """

    number: int
    seconds: float
    fault: CapturedError
    printed: bool
    peak: int = 0


class TaskRequest(Message, frozen=True):
    """A job touched an output's ``src_task``."""

    number: int
    task_id: str


class FactsRequest(Message, frozen=True):
    """A job asked for the number of its attempt, its run or its time limit."""

    number: int


class Reported(Message, frozen=True):
    """A job reports how far it is."""

    number: int
    report: TaskReport


class SpentReport(Message, frozen=True):
    """A job reports what it has spent of a limited rate, by unit."""

    number: int
    amounts: dict[str, float]


class Carried(Struct, frozen=True, array_like=True):
    """A value of the user's: as text, and pickled if that has been seen to work."""

    text: str
    pickled: bytes | None = None


#: A value that a message carries as it is, or as :class:`Carried`.
Value = None | bool | int | float | str | Carried


class Logged(Message, frozen=True):
    """A record that was logged in a job, and how many were left out before it; without text, only that.

    ``template`` and ``args`` are what ``text`` was made of, if they can be separated; ``by_name`` means that the only
    argument is a mapping. ``extra`` is what else the record has. ``traceparent`` is the span in which it was logged.
    """

    number: int
    name: str
    level: int
    text: str
    created: float
    template: str = ""
    args: list[Value] = []
    by_name: bool = False
    extra: dict[str, Value] = {}
    path: str = ""
    line: int = 0
    function: str = ""
    thread: str = ""
    details: str = ""
    left_out: int = 0
    traceparent: str = ""


class Revoked(Message, frozen=True):
    """These had not begun and will not."""

    numbers: list[int]


class DefinitionsImported(Message, frozen=True):
    """Of the definitions that the worker has, these many have been imported, or could not be."""

    count: int


class MemoryExceeded(Message, frozen=True):
    """The worker's memory exceeds its limit."""


ToWorker = ProcessEnvironment | Hello | Work | TaskReply | FactsReply | Revoke | Prune
ToEngine = (
    JobsDone
    | JobFailed
    | TaskRequest
    | FactsRequest
    | Reported
    | SpentReport
    | Logged
    | Revoked
    | DefinitionsImported
    | MemoryExceeded
)

_encode = msgspec.msgpack.Encoder().encode


def frame(message: Message) -> bytes:
    """A message, ready to be written."""
    body = _encode(message)
    return LENGTH.pack(len(body)) + body
