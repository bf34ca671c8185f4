"""The engine inside an application that never stops: ``python -m benchmarks services [PART …]``.

A file for each feature. Each measures what it is about beside an idle probe of the same run, on a machine that may be
busy with other things: read ratios, not milliseconds.
"""
