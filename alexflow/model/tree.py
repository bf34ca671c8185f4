"""In and out trees: None, an output, or lists, tuples, namedtuples and dicts of trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from alexflow.hooks import a_thing
from alexflow.model.output import Output

#: The values that ``input()`` and ``output()`` may give; containers nest without limit.
InOut: TypeAlias = None | Output[Any] | list[Any] | tuple[Any, ...] | dict[str, Any]

_SEQUENCES = (list, tuple)  # `list | tuple` would be made anew for each tree: a third of what flattening most takes


def flatten(tree: InOut) -> list[Output[Any]]:
    """All outputs of a tree, from left to right.

    Raises:
        TypeError: the tree holds something other than outputs and containers of outputs, or it contains itself.
    """
    if isinstance(tree, Output):
        return [tree]
    if isinstance(tree, _SEQUENCES):
        flat = [node for node in tree if isinstance(node, Output)]
        if len(flat) == len(tree):
            return flat  # true of most
    leaves: list[Output[Any]] = []
    pending: list[Iterator[Any]] = [iter((tree,))]
    open_containers: list[int] = []  # ids of the containers that the iterators after the first go through
    open_ids: set[int] = set()  # the same ids, for look-up
    while pending:
        for node in pending[-1]:
            if isinstance(node, Output):  # first: a wide list consists mostly of outputs
                leaves.append(node)
                continue
            if node is None:
                continue
            if isinstance(node, _SEQUENCES):
                pending.append(iter(node))
            elif isinstance(node, dict):
                pending.append(iter(node.values()))
            else:
                raise TypeError(_not_an_output(node))
            if id(node) in open_ids:
                raise TypeError(f"{a_thing(type(node).__name__)} in it contains itself")
            open_containers.append(id(node))
            open_ids.add(id(node))
            break
        else:
            pending.pop()
            if open_containers:
                open_ids.discard(open_containers.pop())
    return leaves


def map_tree(function: Callable[[Output[Any]], Any], tree: InOut) -> Any:
    """The same tree with every output replaced by ``function(output)``."""
    if tree is None:
        return None
    if isinstance(tree, _SEQUENCES):
        # as in flatten
        items = [function(node) if isinstance(node, Output) else map_tree(function, node) for node in tree]
        if isinstance(tree, list):
            return items
        # a namedtuple is made from positional items, a plain tuple from one iterable
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, dict):
        return {key: map_tree(function, node) for key, node in tree.items()}
    if isinstance(tree, Output):
        return function(tree)
    raise TypeError(_not_an_output(tree))


def _not_an_output(node: object) -> str:
    hint = "; pass its outputs: task.output()" if hasattr(node, "task_id") else ""
    return f"expected None, an Output, or a list, tuple or dict of those, not {type(node).__name__}{hint}"
