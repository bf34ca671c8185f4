"""Clusters for the tests that need one."""

from tests.cluster.certificates import certificates  # noqa: F401
from tests.cluster.dask_processes import scheduler, scheduler_process, workers  # noqa: F401
from tests.cluster.namespaces import machines  # noqa: F401
