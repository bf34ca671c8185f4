"""Real servers on loopback, for tests and benchmarks: each starts in a context and is gone after it."""
