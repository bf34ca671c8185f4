"""The number of examples that the search draws: ``ALEXFLOW_STATEFUL_EXAMPLES=10000`` for a thorough one."""

import os

from hypothesis import HealthCheck, settings

from tests.kit.effort import examples

EXAMPLES = int(os.environ.get("ALEXFLOW_STATEFUL_EXAMPLES", examples(100)))

PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
