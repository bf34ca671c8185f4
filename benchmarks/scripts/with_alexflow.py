"""alexflow as the whole of a script: ``python with_alexflow.py CASE SIZE DIRECTORY SECONDS WORKERS``."""

import sys

import alexflow


def target(case: str, size: int, seconds: float):
    """Describe what the case asks for; its modules are imported as a script for this case alone would import them."""
    if case == "async":
        from benchmarks.waiting import Wait

        return [Wait(number, seconds) for number in range(size)]
    if case in ("iris", "sweep"):
        from benchmarks import training_tasks

        return training_tasks.target(case)
    from benchmarks import workloads

    match case:
        case "fan" | "rerun":
            return workloads.Total(size)
        case "chain":
            return workloads.chain(size)
        case "layered":
            return workloads.layered(size)
        case "grow":
            return workloads.Count([workloads.Leaf(number).output() for number in range(size)])
        case "cpu":
            return [workloads.Burn(number, seconds) for number in range(size)]
    return workloads.Leaf(size)


def main(case: str, size: int, directory: str, seconds: float, workers: int) -> None:
    result = alexflow.run(target(case, size, seconds), storage=directory, workers=workers)
    done = {"rerun": 0, "grow": 1}.get(case)
    if done is not None and result.ran != done:
        sys.exit(f"{result.ran} tasks were executed where {done} had to be")
    value = "null" if case in ("async", "cpu") else result.output.load()
    print(f'{{"value": {value}}}')


if __name__ == "__main__":
    case, size, directory, seconds, workers = sys.argv[1:]
    main(case, int(size), directory, float(seconds), int(workers))
