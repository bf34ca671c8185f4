"""pipefunc: ``Pipeline.map`` with ``file_array`` storage, a file for each element, on a ``ProcessPoolExecutor``.

A function over an array is run for each of its elements, in chunks that pipefunc sizes itself; this is how it has many
tasks. A layer reads the whole array of the layer before, of which each element uses five. A chain has no array: it is
as many functions as it has links. A run into a folder that has results resumes. Functions are synchronous, so that
sleeping ones are on as many threads as there are tasks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import peer

# isort: split
import numpy as np
from pipefunc import PipeFunc, Pipeline
from pipefunc.map import load_outputs

from benchmarks import work

OPTIONS = {"storage": "file_array", "resume": True, "show_progress": False, "return_results": False}
LEAVES = "numbers[i] -> leaves[i]"


def leaf(numbers):
    return work.leaf(numbers)


def total(leaves):
    return int(work.total(leaves))


def counted(leaves):
    return work.counted(len(leaves))


def successor(before):
    return work.successor(before)


def mixed(layer, index, width):
    return work.mixed(layer[parent] for parent in work.parents(index, width))


def folded(layer):
    return work.folded(layer)


def sleeper(numbers, seconds):
    time.sleep(seconds)
    return work.leaf(numbers)


def burner(numbers, seconds):
    work.burn(seconds)
    return work.leaf(numbers)


def graph(asked):
    """The functions, their inputs, and the output to read."""
    numbers = list(range(asked.size))
    match asked.case:
        case "chain":
            first = PipeFunc(leaf, "link_0", renames={"numbers": "number"})
            names = [f"link_{link}" for link in range(asked.size + 1)]
            links = [PipeFunc(successor, name, renames={"before": before}) for before, name in pairwise(names)]
            return [first, *links], {"number": 0}, names[-1]
        case "layered":
            return layered(work.width_of(asked.size))
        case "async" | "cpu":
            each = PipeFunc(sleeper if asked.case == "async" else burner, "leaves", mapspec=LEAVES)
            return [each], {"numbers": numbers, "seconds": asked.seconds}, "leaves"
        case "start":
            return [PipeFunc(leaf, "leaf", renames={"numbers": "number"})], {"number": asked.size}, "leaf"
    root = PipeFunc(counted, "counted") if asked.case == "grow" else PipeFunc(total, "total")
    return [PipeFunc(leaf, "leaves", mapspec=LEAVES), root], {"numbers": numbers}, root.output_name


def layered(width):
    functions = [PipeFunc(leaf, "layer_0", mapspec="index[i] -> layer_0[i]", renames={"numbers": "index"})]
    for depth in range(1, work.LAYERS):
        renames = {"layer": f"layer_{depth - 1}"}
        functions.append(PipeFunc(mixed, f"layer_{depth}", mapspec=f"index[i] -> layer_{depth}[i]", renames=renames))
    functions.append(PipeFunc(folded, "folded", renames={"layer": f"layer_{work.LAYERS - 1}"}))
    return functions, {"index": list(range(width)), "width": width}, "folded"


@contextmanager
def run(asked: peer.Asked) -> Iterator[peer.Read]:
    functions, inputs, root = graph(asked)
    pipeline = Pipeline(functions)
    executor = ThreadPoolExecutor(asked.size) if asked.case == "async" else ProcessPoolExecutor(asked.workers)
    with executor:
        pipeline.map(inputs, asked.directory, executor=executor, **OPTIONS)
        yield lambda: int(np.sum(load_outputs(root, run_folder=asked.directory)))


if __name__ == "__main__":
    peer.main(run, outputs="outputs/**/*pickle", rewrites=True)
