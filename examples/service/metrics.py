"""An engine's statistics in the text format of Prometheus."""

from collections.abc import Iterator

from alexflow.engine.stats import EngineStats


def prometheus(stats: EngineStats) -> str:
    return "".join(f"alexflow_{line}\n" for line in _lines(stats))


def _lines(stats: EngineStats) -> Iterator[str]:
    for name in ("hits", "computed", "shared", "cached", "failed"):  # these only grow
        yield f"{name}_total {getattr(stats, name)}"
    yield f"requests {stats.runs}"
    yield f"workers {stats.workers.alive}"
    yield f"worker_deaths_total {stats.workers.deaths}"
    for name, executor in stats.executors.items():
        label = f'{{executor="{name}"}}'
        yield f"queued{label} {executor.queued}"
        yield f"running{label} {executor.running}"
        yield f"oldest_wait_seconds{label} {executor.oldest_wait:.3f}"
    for name, of_class in stats.classes.items():
        label = f'{{task="{name}"}}'
        yield f"task_done_total{label} {of_class.done}"
        yield f"task_failed_total{label} {of_class.failed}"
        yield f"task_mean_seconds{label} {of_class.mean_seconds:.6f}"
    for tag, limit in stats.tags.items():
        yield f'tag_waiting{{tag="{tag}"}} {limit.waiting}'
