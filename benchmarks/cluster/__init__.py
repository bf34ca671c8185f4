"""Agents beside the pool of this machine and beside what clusters bring: ``python -m benchmarks cluster [PART …]``.

``hosts`` runs the same graphs in the own pool and at an agent over TCP, and the same function by ``client.map`` of Dask
and ``ray.get`` where these are installed: two places each, interleaved, ratios round by round. ``places`` has a
thousand simulated places that answer within the process, and says what a job costs the engine.
"""
