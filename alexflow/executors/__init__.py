"""Where a task runs: the event loop, threads, worker processes."""
