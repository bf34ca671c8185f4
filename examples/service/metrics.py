"""An engine's statistics in the text format of Prometheus."""

from collections.abc import Iterator

from alexflow.engine.stats import EngineStats


def prometheus(stats: EngineStats) -> str:
    lines: list[str] = []
    described: set[str] = set()
    for name, labels, value in _samples(stats):
        if name not in described:
            described.add(name)
            lines.append(f"# TYPE alexflow_{name} {'counter' if name.endswith('_total') else 'gauge'}")
        lines.append(f"alexflow_{name}{labels} {value}")
    return "\n".join(lines) + "\n"


def _samples(stats: EngineStats) -> Iterator[tuple[str, str, float]]:
    """Yield names, labels and values, all of a name one after the other."""
    for name in ("hits", "computed", "shared", "cached", "failed"):
        yield f"{name}_total", "", getattr(stats, name)
    yield "requests", "", stats.runs
    yield "storage_ok", "", int(stats.storage_ok)
    yield "workers", "", stats.workers.alive
    yield "worker_deaths_total", "", stats.workers.deaths
    executors = [(_labels(executor=name), of_executor) for name, of_executor in stats.executors.items()]
    for name in ("queued", "running", "places"):
        yield from ((name, labels, getattr(each, name)) for labels, each in executors)
    yield from (("oldest_wait_seconds", labels, round(each.oldest_wait, 3)) for labels, each in executors)
    classes = [(_labels(task=name), of_class) for name, of_class in stats.classes.items()]
    yield from (("attempts_done_total", labels, each.done) for labels, each in classes)
    yield from (("attempts_failed_total", labels, each.failed) for labels, each in classes)
    yield from (("attempt_mean_seconds", labels, round(each.mean_seconds, 6)) for labels, each in classes)
    for tag, limit in stats.tags.items():
        yield "tag_waiting", _labels(tag=tag), limit.waiting
    for tag, rate in stats.rates.items():
        yield "tag_waiting", _labels(tag=tag), rate.waiting


def _labels(**labels: str) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
