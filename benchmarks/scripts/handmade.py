"""The best that a careful person writes by hand: ``python handmade.py CASE SIZE DIRECTORY SECONDS WORKERS``.

A ``ProcessPoolExecutor``, whose processes are forks of this one, or ``asyncio``; a pickle per task, under a temporary
name first. No event loop where none is needed, calls in chunks where many are alike, no import that the case does not
need. What is there is not computed again. It has none of alexflow's guarantees.
"""

import os
import pickle
import sys

from benchmarks import work


def save(path: str, value) -> str:
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        pickle.dump(value, file, protocol=5)
    os.rename(temporary, path)
    return path


def load(path: str):
    with open(path, "rb") as file:
        return pickle.load(file)


def make(path: str, function, *arguments) -> str:
    """In a process of the pool: one task."""
    return path if os.path.exists(path) else save(path, function(*arguments))


def leaf(path: str, number: int) -> str:
    return make(path, work.leaf, number)


def successor(path: str, before: str) -> str:
    return save(path, work.successor(load(before)))


def mixed(path: str, parts: list[str]) -> str:
    return save(path, work.mixed(map(load, parts)))


def folded(path: str, parts: list[str]) -> str:
    return save(path, work.folded(map(load, parts)))


def total(path: str, parts: list[str]) -> str:
    return save(path, work.total(map(load, parts)))


def counted(path: str, parts: list[str]) -> str:
    return save(path, work.counted(len(parts)))


def burned(path: str, number: int, seconds: float) -> str:
    work.burn(seconds)
    return leaf(path, number)


class Script:
    """The cases, each giving the path of its root, or none where it has none."""

    def __init__(self, directory: str, workers: int):
        self.directory = directory
        self.workers = workers

    def path(self, name: str) -> str:
        return f"{self.directory}/{name}.pkl"

    def pool(self):
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(self.workers)

    def root(self, name: str, function, parts: list[str]) -> str:
        """Make one result of many, in a process."""
        path = self.path(name)
        if not os.path.exists(path):
            with self.pool() as pool:
                pool.submit(function, path, parts).result()
        return path

    def leaves(self, size: int) -> list[str]:
        return [self.path(f"leaf-{number}") for number in range(size)]

    def fan(self, size: int) -> str:
        path = self.path("total")
        if not os.path.exists(path):
            leaves = self.leaves(size)
            with self.pool() as pool:
                list(pool.map(leaf, leaves, range(size), chunksize=100))
                pool.submit(total, path, leaves).result()
        return path

    def chain(self, size: int) -> str:
        with self.pool() as pool:
            last = pool.submit(leaf, self.path("link-0"), 0).result()
            for number in range(1, size + 1):
                last = pool.submit(successor, self.path(f"link-{number}"), last).result()
        return last

    def layered(self, size: int) -> str:
        width = work.width_of(size)
        chunk = -(-width // self.workers)
        with self.pool() as pool:
            last = list(pool.map(leaf, self.leaves(width), range(width), chunksize=chunk))
            for layer in range(1, work.LAYERS):
                paths = [self.path(f"mixed-{layer}-{index}") for index in range(width)]
                parts = [[last[parent] for parent in work.parents(index, width)] for index in range(width)]
                last = list(pool.map(mixed, paths, parts, chunksize=chunk))
            return pool.submit(folded, self.path("folded"), last).result()

    def grow(self, size: int) -> str:
        leaves = self.leaves(size)
        if not all(map(os.path.exists, leaves)):
            raise FileNotFoundError("a leaf")
        return self.root("count", counted, leaves)

    def start(self, size: int) -> str:
        with self.pool() as pool:
            return pool.submit(leaf, self.path("leaf"), size).result()

    def waiting(self, size: int, seconds: float) -> None:
        import asyncio

        async def one(path: str, number: int) -> None:
            if not os.path.exists(path):  # noqa: ASYNC240  # a look at tmpfs
                await asyncio.sleep(seconds)
                save(path, work.leaf(number))

        async def main() -> None:
            await asyncio.gather(*(one(path, number) for number, path in enumerate(self.leaves(size))))

        asyncio.run(main())

    def burning(self, size: int, seconds: float) -> None:
        with self.pool() as pool:
            list(pool.map(burned, self.leaves(size), range(size), [seconds] * size))

    def training(self, case: str) -> str:
        from benchmarks import training  # and with it scikit-learn, once: the processes are forks of this one

        with self.pool() as pool:
            data = pool.submit(make, self.path("data"), training.data, case).result()
            names = training.MODELS[case]
            paths = [self.path(name) for name in names]
            list(pool.map(scored, paths, [case] * len(names), names, [data] * len(names)))
            return pool.submit(best, self.path("best"), paths).result()


def scored(path: str, case: str, name: str, data: str) -> str:
    from benchmarks import training

    return make(path, training.score, case, name, load(data))


def best(path: str, parts: list[str]) -> str:
    from benchmarks import training

    return make(path, training.best, [load(part) for part in parts])


def main(case: str, size: int, directory: str, seconds: float, workers: int) -> None:
    script = Script(directory, workers)
    value = "null"
    match case:
        case "async":
            script.waiting(size, seconds)
        case "cpu":
            script.burning(size, seconds)
        case "iris" | "sweep":
            value = load(script.training(case))
        case _:
            cases = {"fan": script.fan, "rerun": script.fan, "chain": script.chain, "layered": script.layered}
            value = load({**cases, "grow": script.grow, "start": script.start}[case](size))
    print(f'{{"value": {value}}}')


if __name__ == "__main__":
    case, size, directory, seconds, workers = sys.argv[1:]
    main(case, int(size), directory, float(seconds), int(workers))
