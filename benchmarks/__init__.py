"""What alexflow costs, each case beside its physical limit, measured in the same run: ``python -m benchmarks``."""
