"""An engine in an application that forks: ``python -m tests.faults.forking_holder storage``.

It holds everything, because a task waits on its loop for ever; and says the fork's process id, which outlives it.
"""

import asyncio
import os
import signal
import sys

from alexflow import Engine
from tests.faults.workflows import WaitsForEvent, said


async def hold(place: str) -> None:
    async with Engine(place, lease_ttl=3600.0) as engine:
        running = asyncio.create_task(engine.run(WaitsForEvent(1)))
        await said.reach(1)
        pid = os.fork()
        if pid == 0:
            signal.pause()
        print(pid, flush=True)
        await running


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1]))
