"""``python -m tests.crash --kills 200 --seed 1``: kill engines and workers at random instants; what comes of it?"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.crash.campaign import Campaign
from tests.crash.clusters import running
from tests.crash.ledger import Tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, help="of the plan; another one each time by default")
    parser.add_argument(
        "--agents",
        action="store_true",
        help="jobs run at agents, then at those of Dask and of Ray; all are killed, too",
    )
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="alexflow-crash-") as directory:
        if options.agents:
            tally = at_agents(seed, options.kills, Path(directory))
        else:
            tally = Campaign(seed, options.kills, Path(directory)).run()
    print(f"{tally}\nin {time.monotonic() - started:.0f} s")
    for fault in tally.faults:
        print("FAULT", fault)
    sys.exit(1 if tally.faults else 0)


def at_agents(seed: int, count: int, directory: Path) -> Tally:
    """Kill what there is at agents that the engine has started, at those of Dask and at those of Ray, a third each."""
    tally = Tally()
    clusters = [kind for kind, library in (("dask", "distributed"), ("ray", "ray")) if find_spec(library)]
    share = count // (len(clusters) + 1)
    Campaign(seed, count - share * len(clusters), directory, tally, agents=True).run()
    for further, kind in enumerate(clusters, 1):
        print(f"{tally.kills.total()} kills; now at agents of {kind}", flush=True)
        with running(kind) as cluster:
            Campaign(seed + further, share, directory, tally, cluster=cluster).run()
    return tally


if __name__ == "__main__":
    main()
