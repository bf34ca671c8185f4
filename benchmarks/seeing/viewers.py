"""Viewers of a run: ``python -m benchmarks.seeing.viewers PORT COUNT``; they read until their streams end.

At the end the bytes and messages of each are printed, as JSON. Each is a connection of its own that asks as a browser
does, and throws away what it gets.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

#: Seconds between two viewers: an answer to one takes a millisecond, and 20 at once would share a turn.
APART = 0.05


async def run_of(port: int) -> str:
    """Return the newest run on the page, once there is one."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found = re.search(rb'href="/runs/([^"]+)"', await reader.read())
        writer.close()
        if found is not None:
            return found[1].decode()
        await asyncio.sleep(0.1)


async def view(port: int, run: str, after: float, came: asyncio.Queue[None]) -> tuple[int, int]:
    """Come after some seconds, and read a run's events until the server ends. Returns the bytes and the messages."""
    await asyncio.sleep(after)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /runs/{run}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    seen = messages = 0
    while data := await reader.read(1 << 20):
        if not seen:
            came.put_nowait(None)
        seen += len(data)
        messages += data.count(b"event: ")
    writer.close()
    return seen, messages


async def main(port: int, count: int) -> None:
    """Let viewers come, say that they are there, and print what they saw."""
    run, came = await run_of(port), asyncio.Queue[None]()
    viewers = [asyncio.create_task(view(port, run, number * APART, came)) for number in range(count)]
    for _ in viewers:
        await came.get()
    print("watching", flush=True)
    seen = await asyncio.gather(*viewers)
    print(json.dumps({"bytes": sum(each for each, _ in seen), "messages": [each for _, each in seen]}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
