"""``TaskGraph``: tasks and what they read, as plain data that can be drawn; from live tasks or from the record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alexflow.cli.wrong_use import WrongUse, listed
from alexflow.engine.targets import read_target
from alexflow.graph import Defaults
from alexflow.graph.walk import walk
from alexflow.hooks import repr_of
from alexflow.identity import SECRET_SHOWN
from alexflow.model import AbstractTask, Output
from alexflow.record import Record
from alexflow.record.fields import SOURCE_TASK
from alexflow.record.leaves import leaves
from alexflow.storage import Storage

#: Characters of a parameter in a node's text, and of the whole text.
_PARAMETER_SHOWN, _TEXT_SHOWN = 40, 100


@dataclasses.dataclass(frozen=True)
class GraphNode:
    """A task, or a class of tasks.

    Attributes:
        name: the task's id, or the class's name.
        class_name: the class, with its module.
        text: the class and its parameters, for people.
        done: whether its outputs exist; None where that is not known.
        count: how many tasks it stands for.
    """

    name: str
    class_name: str
    text: str
    done: bool | None
    count: int = 1


@dataclasses.dataclass(frozen=True)
class TaskGraph:
    """Nodes, and for each the names of those that it reads.

    Attributes:
        nodes: by name; those that were asked for come first.
        reads: by name: what is upstream of it.
    """

    nodes: Mapping[str, GraphNode]
    reads: Mapping[str, list[str]]

    def tops(self) -> list[str]:
        """The nodes that no other reads."""
        read = {name for names in self.reads.values() for name in names}
        return [name for name in self.nodes if name not in read]

    def part(self, names: Iterable[str]) -> TaskGraph:
        """The part of the graph that these nodes make."""
        wanted = set(names)
        nodes = {name: node for name, node in self.nodes.items() if name in wanted}
        return TaskGraph(nodes, {name: [each for each in self.reads[name] if each in wanted] for name in nodes})

    def between(self, first: str, last: str) -> TaskGraph:
        """All paths from one node down to another; empty if there is none."""
        readers: dict[str, list[str]] = {}
        for name, names in self.reads.items():
            for each in names:
                readers.setdefault(each, []).append(name)
        return self.part(_reached(first, readers) & _reached(last, self.reads))

    def by_class(self) -> TaskGraph:
        """The same with one node for each class."""
        members: dict[str, list[GraphNode]] = {}
        reads: dict[str, dict[str, None]] = {}
        for name, node in self.nodes.items():
            members.setdefault(node.class_name, []).append(node)
            found = reads.setdefault(node.class_name, {})
            for each in self.reads[name]:
                if self.nodes[each].class_name != node.class_name:
                    found[self.nodes[each].class_name] = None
        nodes = {name: _class_node(name, each) for name, each in members.items()}
        return TaskGraph(nodes, {name: [*found] for name, found in reads.items()})

    def find(self, word: str) -> str:
        """The one node that a word means: a task's id, or its beginning or that of what is behind a dot, or a class.

        Raises:
            WrongUse: none, or several.
        """
        if word in self.nodes:
            return word
        found = [name for name, node in self.nodes.items() if word in (node.class_name, _last(node.class_name))]
        if not found:
            found = [name for name in self.nodes if f".{name}".find(f".{word}") >= 0]
        if len(found) != 1:
            several = f"means {len(found):,} of them: {listed(found, 3)}" if found else "is none of them"
            raise WrongUse(f"the graph has {len(self.nodes):,} tasks, and {word!r} {several}")
        return found[0]


def graph_of_target(target: Any, storage: Storage) -> TaskGraph:
    """The graph behind live tasks; each is looked for in the storage."""
    found = walk(read_target(target).all_tasks, Defaults())
    keys = {key for each in found.tasks.values() for key in each.spec.outputs}
    present = storage.exists_many(sorted(keys))
    reads: dict[str, list[str]] = {task_id: [] for task_id in found.tasks}
    for task_id, readers in found.readers.items():
        for reader in dict.fromkeys(readers):
            reads[reader].append(task_id)
    nodes = {
        task_id: GraphNode(
            task_id,
            task_id.rpartition(".")[0],
            text_of_task(each.task),
            present.issuperset(each.spec.outputs) if each.spec.outputs else None,
        )
        for task_id, each in found.tasks.items()
    }
    return TaskGraph(nodes, reads)


def graph_of_record(record: Record, key: str) -> TaskGraph:
    """The graph behind a recorded output, without its classes."""
    behind = (entry for entry in record.upstream(key) if entry.cls != SOURCE_TASK.replace(":", "."))
    entries = [record.entry(key), *behind]
    maker = {output.key: entry.task_id for entry in entries for output in entry.outputs}
    present = record.storage.exists_many(sorted(maker))
    nodes = {
        entry.task_id: GraphNode(
            entry.task_id,
            entry.cls,
            node_text(_last(entry.cls), [f"{path}={value}" for path, value in leaves(entry.fields)]),
            present.issuperset(output.key for output in entry.outputs) if entry.outputs else entry.finished is not None,
        )
        for entry in entries
    }
    reads = {
        entry.task_id: [*dict.fromkeys(maker[read.key] for read in entry.inputs if read.key in maker)]
        for entry in entries
    }
    return TaskGraph(nodes, reads)


def text_of_task(task: AbstractTask) -> str:
    """The class of a task, and those of its parameters that are not outputs of others."""
    task = task.unwrapped()
    parts = [
        f"{field.name}={SECRET_SHOWN if field.metadata.get('secret') else repr_of(value, _PARAMETER_SHOWN)}"
        for field in dataclasses.fields(task)
        if field.compare and not _is_graph(value := getattr(task, field.name))
    ]
    return node_text(type(task).__qualname__, parts)


def node_text(name: str, parts: Iterable[str]) -> str:
    """A node's text: a class and its parameters, cut where it is long."""
    text = f"{name}({', '.join(parts)})"
    return text if len(text) <= _TEXT_SHOWN else f"{text[: _TEXT_SHOWN - 2]}…)"


def _is_graph(value: Any) -> bool:
    """Whether a parameter is what the edges show."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_is_graph, value))
    if isinstance(value, dict):
        return bool(value) and all(map(_is_graph, value.values()))
    return isinstance(value, (Output, AbstractTask))


def _reached(start: str, edges: Mapping[str, list[str]]) -> set[str]:
    seen = {start}
    pending = [start]
    while pending:
        for name in edges.get(pending.pop(), ()):
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return seen


def _class_node(name: str, members: list[GraphNode]) -> GraphNode:
    states = {node.done for node in members}
    done = states.pop() if len(states) == 1 else False
    count = sum(node.count for node in members)
    return GraphNode(name, name, f"{_last(name)} × {count:,}" if count > 1 else _last(name), done, count)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def edges_of(graph: TaskGraph) -> Iterator[tuple[str, str]]:
    """Each edge, from what is read to its reader."""
    for reader, names in graph.reads.items():
        for name in names:
            yield name, reader
