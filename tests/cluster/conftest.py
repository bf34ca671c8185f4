"""Clusters for the tests that need one."""

from tests.cluster.dask_processes import scheduler, scheduler_process, workers  # noqa: F401
