"""The costs of alexflow, each case beside its physical limit and other engines: ``python -m benchmarks``."""
