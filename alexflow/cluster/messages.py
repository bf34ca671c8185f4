"""The messages between an engine and an agent: MessagePack arrays, several in one frame.

What engine and workers say to each other goes through as it is: an agent hands frames on and does not read the jobs in
them. So an agent needs none of the user's code, and what travels costs what it costs on one machine.

Before all else each side proves that it has the token (:mod:`alexflow.cluster.proof`): the token itself never travels.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from alexflow.executors.process.wire.messages import ToEngine

#: The version of what is said here. Engine and agent must have the same.
PROTOCOL = 1


class ClusterMessage(Struct, frozen=True, tag=True, array_like=True):
    """Base of all messages."""


# -- while an agent introduces itself, one message a frame


class Challenge(ClusterMessage, frozen=True):
    """The engine's first message."""

    protocol: int
    nonce: bytes


class Introduction(ClusterMessage, frozen=True):
    """The agent's answer.

    Attributes:
        proof: made of the token and both nonces.
        nonce: the agent's.
        name: of the agent, for people.
        host: its machine.
        pid: its process.
        places: how many jobs it runs at once.
        alexflow: the version of alexflow.
        python: the version of Python, to the minor one.
        cpus: how many there are for its workers.
        memory: bytes that they may use; 0 if unknown.
        devices: those that they may use, by kind.
        time_left: seconds until its machine is taken away; None if that is not known.
    """

    proof: bytes
    nonce: bytes
    name: str
    host: str
    pid: int
    places: int
    alexflow: str
    python: str
    cpus: int
    memory: int
    devices: dict[str, list[int | str]]
    time_left: float | None = None


class Welcome(ClusterMessage, frozen=True):
    """The engine takes the agent in.

    Attributes:
        proof: made of the token and both nonces, the other way round.
        path: the engine's ``sys.path``.
        directory: its working directory.
        arguments: its ``sys.argv``.
        levels: of its loggers.
        disabled: up to which level its logging is switched off.
        storage: the storage, pickled.
        check: the name and content of a file in the storage; an agent that reads another storage does not find it.
        preload: modules that are imported before workers are forked; None for none at all.
        echo: whether what tasks print is wanted at once.
        silent_for: seconds without any byte after which each side gives the other up.
    """

    proof: bytes
    path: list[str]
    directory: str
    arguments: list[str]
    levels: dict[str, int]
    disabled: int
    storage: bytes
    check: tuple[str, bytes] | None
    preload: list[str] | None
    echo: bool
    silent_for: float


class Rejection(ClusterMessage, frozen=True):
    """One side does not work with the other; the connection ends."""

    reason: str


class Ready(ClusterMessage, frozen=True):
    """The agent can read the storage, and takes jobs."""


# -- engine to agent


class StartWorker(ClusterMessage, frozen=True):
    """Start a worker under this number, which will need these modules, bound to these devices by kind."""

    worker: int
    modules: list[str]
    devices: list[tuple[str, list[int | str]]] = []


class Deliver(ClusterMessage, frozen=True):
    """Hand these frames to a worker, on its data channel or, if ``urgent``, on its control channel."""

    worker: int
    frames: bytes
    urgent: bool = False


class StopRunning(ClusterMessage, frozen=True):
    """Stop this job if a worker is running it. Answer: ``Stopping``, if it is.

    ``last`` is the last job that it has got. If a task has overwritten the page where it says what it is running, the
    engine has found that it must be this job.
    """

    worker: int
    number: int
    last: int


class HangUp(ClusterMessage, frozen=True):
    """Close a worker's data channel: it ends by itself when it has nothing left to do."""

    worker: int


class KillWorker(ClusterMessage, frozen=True):
    """End a worker and its children, now."""

    worker: int


class ReapWorker(ClusterMessage, frozen=True):
    """Wait for a worker's end, kill it if that takes longer than this, and reap it. Answer: ``WorkerEnded``."""

    worker: int
    patience: float
    terminate: bool


class ExpectModules(ClusterMessage, frozen=True):
    """Workers to come will need these modules."""

    modules: list[str]


class CheckModules(ClusterMessage, frozen=True):
    """Tasks will need these modules, whose sources have these digests. Answer: ``ModulesFound``, unless all is well."""

    digests: dict[str, bytes]


class OutdateModules(ClusterMessage, frozen=True):
    """Fork no more workers from what has been imported."""


class PauseEcho(ClusterMessage, frozen=True):
    """Read no more of what tasks print, or go on: what shows it is slower than they are."""

    paused: bool


class Goodbye(ClusterMessage, frozen=True):
    """The engine is closed, and needs this agent no more. A line that ends without it has been cut."""


# -- agent to engine


class WorkerReports(ClusterMessage, frozen=True):
    """The messages of a worker, when they are sent by its machine's clock, and the output of jobs that ended."""

    worker: int
    messages: list[ToEngine]
    sent: float
    printed: dict[int, tuple[str, str]] = {}


class AtWork(ClusterMessage, frozen=True):
    """A worker has been at this job for a while.

    Attributes:
        worker: the worker.
        running: the job's number; -1 if the page where it says so has been overwritten.
        seconds: how long the job has been at its own work; None while its class is still being imported.
        importing: the number of the definition that is being imported, or 0.
    """

    worker: int
    running: int
    seconds: float | None
    importing: int


class Started(ClusterMessage, frozen=True):
    """A worker has this process id."""

    worker: int
    pid: int


class Stopping(ClusterMessage, frozen=True):
    """The job that a worker runs is being stopped; what the worker says of it follows."""

    worker: int
    number: int


class HasEnded(ClusterMessage, frozen=True):
    """A worker has ended, or has closed its channel, and is to be reaped."""

    worker: int


class WorkerEnded(ClusterMessage, frozen=True):
    """A worker has ended and been reaped.

    Attributes:
        worker: the worker.
        code: its exit code, negative for a signal; None if unknown.
        peak_rss: the most memory that it had, in bytes.
        running: the number of the job that it was running, or 0.
        ended: the number of the last job that had ended.
        printed: what the running job had printed.
        refused: why it could not be started, if the system said so.
        shortage: why it was killed, if that was for memory.
        hung_up: whether it had closed its channel and lived on.
    """

    worker: int
    code: int | None
    peak_rss: int
    running: int
    ended: int
    printed: tuple[str, str] | None = None
    refused: str = ""
    shortage: str = ""
    hung_up: bool = False


class Echoed(ClusterMessage, frozen=True):
    """A task has printed this on standard output (1) or standard error (2)."""

    stream: int
    text: str


class ModulesFound(ClusterMessage, frozen=True):
    """Modules of tasks that are missing on the agent's machine, or have another source there."""

    missing: list[str]
    differing: list[str]


class AreCold(ClusterMessage, frozen=True):
    """These workers would have to import again what new ones come with."""

    workers: list[int]


class Leaving(ClusterMessage, frozen=True):
    """The agent is about to end, as its allocation does: send it nothing more."""


class Ping(ClusterMessage, frozen=True):
    """Either side is there."""


FirstFromEngine = Challenge | Welcome | Rejection
FirstFromAgent = Introduction | Ready | Rejection
ToWorkers = StartWorker | Deliver | StopRunning | HangUp | KillWorker | ReapWorker
ToAgent = ToWorkers | ExpectModules | CheckModules | OutdateModules | PauseEcho | Goodbye | Ping
OfWorker = WorkerReports | AtWork | Started | Stopping | HasEnded | WorkerEnded
FromAgent = OfWorker | AreCold | Echoed | ModulesFound | Leaving | Ping

encode = msgspec.msgpack.Encoder().encode
decode_first_from_engine = msgspec.msgpack.Decoder(FirstFromEngine).decode
decode_first_from_agent = msgspec.msgpack.Decoder(FirstFromAgent).decode
decode_for_agent = msgspec.msgpack.Decoder(list[ToAgent]).decode
decode_from_agent = msgspec.msgpack.Decoder(list[FromAgent]).decode
