"""METG, the metric of Task Bench: the smallest tasks that an engine still runs efficiently.

Slaughter et al., "Task Bench: A Parameterized Benchmark for Evaluating Parallel Runtime Performance", SC20; the
patterns are those of ``core/core.cc`` in github.com/StanfordLegion/task-bench.

A graph has ``steps`` of ``width`` tasks each. A task reads what some tasks of the step before have stored, computes for
a given time, and stores what comes out, durably, in a file of its own. The work is a number of turns of a loop, not a
span by the clock, so that a worker that has to wait for a CPU has not done its work meanwhile. How many turns a CPU
does in a second is measured in the same process, just before, by as many processes at once as there are workers.

    efficiency = (tasks × duration / workers) / wall

``duration`` is what the loop of one task takes, ``wall`` the time from describing the tasks until the last result is
known, on an engine whose workers are there already, in a fresh directory, with the dependencies known before. METG(50
%) is the duration at which the efficiency is 50 %: half of the workers' time goes into work, half into everything
else. It is
found by halving (or doubling) the duration until 50 % are crossed, and interpolating between the two.

Task Bench itself counts a task's whole share of the time, ``wall × workers / tasks`` (``time_per_task`` in its
``scripts/chart_metg.py``): at 50 % that is twice the duration. Its finding that 100 µs are the finest grain that any of
15 systems reaches at scale is by that count, so hold twice the figures given here against it.
"""
