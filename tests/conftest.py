"""For all tests: one event loop, and nothing that blocks it unnoticed."""

from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx

from tests.servers.fixtures import server  # noqa: F401  # for all tests

#: What the event loop does itself on purpose, by file: small files are written, read and checked where they are asked
#: for, since a thread costs more than the disk (alexflow/storage/local.py says how much).
INLINE_BY_CHOICE = {
    "legacy/storage.py": {"prepare"},
    "storage/layered/overlay.py": {"prepare"},
    "storage/layered/cache.py": {"prepare", "used", "_make_room", "_copies"},
    "storage/local.py": {
        "astage",  # makes the file that a thread then fills
        "discard",
        "check_writable",
        "prepare",
        "publish",
        "remove_many",
        "size",
        "version",
    },
    "storage/localkeys.py": {"one_by_one", "_if_nearly_empty"},
    "storage/localpublishing.py": {"new_file", "publish_file", "publish_small"},
    "storage/localreading.py": {"at_hand", "read_opened"},
    "storage/litter.py": {"sweep"},  # once an engine, and then little
    "storage/notes.py": {"note", "_read"},
    "storage/reserved.py": {"_make", "tells_case_apart"},  # once an engine
    "storage/leases/lockfile.py": {"_open_or_make", "_open_to_all_writers", "is_at", "open_lockfile"},
    "storage/leases/seat.py": {"close"},
    "storage/newfile.py": {"_replace", "close", "link", "open_new", "read_all", "write_all"},
    "engine/run.py": {"_run_in_thread"},  # run() under a running loop, as in a notebook, is asked to wait
    "executors/cpus.py": {"cpus", "_read"},  # once an engine
    "executors/loaded_libraries.py": {"_load", "bound_process"},  # where it is asked for, once for what is loaded
    "executors/process/finding.py": {"_search"},  # once a module
    "executors/process/template.py": {"__init__"},  # once an engine: a vfork, some 0.4 ms
    "storage/opening.py": {"open_storage"},  # once a run
    "storage/remote/opening.py": {"_used_session"},  # in a thread's own event loop, where nobody else waits
    "model/class_info.py": {"class_info"},  # once a class
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def event_loop_is_watched() -> Iterator[None]:
    """A blocking call of alexflow's on the event loop raises BlockingError; tests themselves may block."""
    with blockbuster_ctx(scanned_modules="alexflow") as blockbuster:
        for function in blockbuster.functions.values():
            for file, names in INLINE_BY_CHOICE.items():
                function.can_block_in(f"alexflow/{file}", names)
        yield
