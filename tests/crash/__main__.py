"""``python -m tests.crash --kills 200 --seed 1``: kill engines and workers at random instants; what comes of it?"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.campaign import Campaign


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, help="of the plan; another one each time by default")
    parser.add_argument("--agents", action="store_true", help="jobs run at agents, which are killed, too")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="alexflow-crash-") as directory:
        tally = Campaign(seed, options.kills, Path(directory), agents=options.agents).run()
    print(f"{tally}\nin {time.monotonic() - started:.0f} s")
    for fault in tally.faults:
        print("FAULT", fault)
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
