"""Ray on this machine alone, without any cluster: what a program gets that asks for ``"ray"``."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from alexflow.cluster.patient_calls import PatientCalls
from alexflow.cluster.ray import RayExecutor, RayPilot

SCRIPT = """
import sys
import alexflow
from tests.cluster.workflows import Leaf

print("ran", alexflow.run([Leaf(number) for number in range(20)], storage=sys.argv[1], executor="ray").ran)
"""


@pytest.mark.processes
def test_a_ray_that_is_started_for_the_run(tmp_path):
    """Ray's processes end with the thread that has started them: it lives as long as the engine does."""
    pytest.importorskip("ray")
    here = {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ADDRESS": "local"}  # none that another test has left
    environment = {**os.environ, **here}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "results")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert "ran 20" in ended.stdout, ended.stderr
    assert ended.returncode == 0


@pytest.mark.anyio
async def test_a_node_that_lacks_alexflow_and_an_actor_that_was_killed():
    exceptions = pytest.importorskip("ray").exceptions
    said = "ray::AgentHolder.__init__()\nModuleNotFoundError: No module named 'alexflow'"
    lacking = exceptions.ActorDiedError(exceptions.RayTaskError("AgentHolder", said, ModuleNotFoundError()))
    executor = RayExecutor()
    assert "No module named 'alexflow'; install alexflow" in await executor.why_failed(ended_with(lacking))
    assert await executor.why_failed(ended_with(exceptions.ActorDiedError())) == ""


def ended_with(error: Exception) -> RayPilot:
    call: Future[str] = Future()
    call.set_exception(error)
    return RayPilot(None, call, "node")


@pytest.mark.anyio
async def test_all_calls_are_made_in_one_thread_until_it_is_closed():
    call = PatientCalls(60.0)
    thread = await call(threading.current_thread)
    assert await call(threading.current_thread) is thread
    assert thread is not threading.current_thread()
    assert thread.is_alive()
    call.close()
    thread.join()
