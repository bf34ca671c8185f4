"""The contestants: one script each, run in a fresh process for every measurement (``benchmarks.protocol``)."""
