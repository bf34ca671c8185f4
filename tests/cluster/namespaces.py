"""Network namespaces as machines of their own, where root may make them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest


class Machine(NamedTuple):
    """A namespace.

    Attributes:
        name: of the namespace.
        link: the interface of this side that leads to it.
        own: its address.
        ours: the address of this side, as it sees it.
        prefix: the beginning of a command that runs there.
    """

    name: str
    link: str
    own: str
    ours: str
    prefix: list[str]


def system(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


@contextmanager
def machine(number: int) -> Iterator[Machine]:
    """Make a namespace with a line to it."""
    tag = f"{os.getpid() % 100_000}-{number}"
    name = f"alexflow-{tag}"
    made = Machine(name, f"af{tag}", f"198.18.{number}.2", f"198.18.{number}.1", ["ip", "netns", "exec", name])
    system("ip", "netns", "add", made.name)
    try:
        system("ip", "link", "add", made.link, "type", "veth", "peer", "name", "eth0", "netns", made.name)
        system("ip", "addr", "add", f"{made.ours}/30", "dev", made.link)
        system("ip", "link", "set", made.link, "up")
        system("ip", "-n", made.name, "addr", "add", f"{made.own}/30", "dev", "eth0")
        system("ip", "-n", made.name, "link", "set", "eth0", "up")
        system("ip", "-n", made.name, "link", "set", "lo", "up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", made.name], check=False)
        subprocess.run(["ip", "link", "del", made.link], check=False, capture_output=True)  # gone with the other end


@pytest.fixture(scope="module")
def machines() -> Iterator[list[Machine]]:
    """Two machines; the test is skipped where they cannot be made."""
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need the command ip")
    with ExitStack() as stack:
        try:
            made = [stack.enter_context(machine(number)) for number in (1, 2)]
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield made
