"""The live page: what it costs the engine and the process that serves it, with 20 viewers over a long run."""
