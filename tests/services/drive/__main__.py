"""``python -m tests.services.drive``: the example of a service under load, on real sockets; a table of what was seen.

Counts decide the exit code. Milliseconds stand beside those of an idle service: they depend on what else the machine
does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.services.drive import rows
from tests.services.drive.rows import Row
from tests.services.drive.service import Services


async def measure(directory: Path) -> list[Row]:
    """Do everything, and return all rows."""
    async with Services(directory) as services:
        server = await services.start()
        found = await rows.stampede(server)
        found += await rows.streams(server)
        found += await rows.disconnects(server)
        found += await rows.kills(server)
        found += await rows.tenants(server)
        found += await rows.overload(server)
        other = await services.start()
        found += await rows.two_processes(services, server, other)
        found += await rows.sigterm(server, other)
        return found


def table(found: Sequence[Row]) -> str:
    """The rows as text, below each other."""
    shown = [("", "bar", "measured", "met")]
    shown += [(row.name, row.bar, row.measured, {True: "yes", False: "NO", None: "-"}[row.met]) for row in found]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in shown)


def main() -> int:
    """Print the table. Returns 1 if a row is not as it should be."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="alexflow-service-") as directory:
        found = asyncio.run(measure(Path(directory)))
    print(f"{table(found)}\n{time.monotonic() - started:.0f} s")
    return 1 if any(row.met is False for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
