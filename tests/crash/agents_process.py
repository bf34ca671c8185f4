"""An engine whose jobs run at two agents, to be killed: ``python -m tests.crash.agents_process storage log [keep]``.

It says what :mod:`tests.crash.engine_process` says. An agent that has been killed is replaced.
"""

import asyncio
import subprocess
import sys

from alexflow import Engine
from alexflow.cluster import AgentExecutor
from tests.crash.workflow import CONCURRENCY, WORKERS, workflow


def start_agent(executor: AgentExecutor) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "alexflow", "agent", "--connect", executor.address, "--with-stdin"]
    agent = subprocess.Popen([*command, "--places", str(WORKERS // 2)], stdin=subprocess.PIPE)
    assert agent.stdin is not None
    agent.stdin.write(f"{executor.token}\n".encode())
    agent.stdin.flush()
    return agent


async def keep_agents(executor: AgentExecutor, agents: list[subprocess.Popen[bytes]]) -> None:
    """Have two agents, until this is cancelled."""
    while True:
        for agent in [agent for agent in agents if agent.poll() is not None]:
            agents.remove(agent)
        while len(agents) < 2:
            agents.append(await asyncio.to_thread(start_agent, executor))
        await asyncio.sleep(0.02)


async def main() -> None:
    storage, log, *keep = sys.argv[1:]
    target = workflow(log, ephemeral=not keep)
    executor = AgentExecutor()
    agents: list[subprocess.Popen[bytes]] = []
    async with Engine(storage, executor=executor, workers=WORKERS, max_concurrency=CONCURRENCY) as engine:
        keeping = asyncio.create_task(keep_agents(executor, agents))
        print("begins", flush=True)
        result = await engine.run(target)
        keeping.cancel()
    for agent in agents:
        agent.stdin.close()
        agent.wait(20)
    print(result.ran, result.cached, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
