"""Everything that is checked before a change is merged: ``nox -s tests``, ``lint``, ``typing``.

While you work: ``quick``, half a minute. Further sessions: ``storage``, with real servers of every kind; ``torch``,
``cluster``, ``simulate``, ``crash`` and ``soak``, which take minutes; ``crate``, ``service``, ``example``, ``bench``,
``bench-peers``, ``docs``. Environments are kept between calls; ``nox -r`` also skips looking for newer packages.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|venv"  # what every Python brings along, or uv, which takes a tenth of the time
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "typing"]
nox.options.error_on_missing_interpreters = False

# The suite starts thousands of interpreters. Where nothing may be cached, as in many images, each compiles the package
# and its libraries anew, and the suite takes several times as long.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PROJECT = nox.project.load_toml("pyproject.toml")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
SUPPORTED = ["3.11", "3.12", "3.13", "3.14", "3.15"]
PEERS_PYTHON = "3.11"  # for which the versions of other engines are pinned

# These must behave the same on every Python: ids, documents, decisions, the user's classes. The whole suite runs on the
# Python that nox runs on, since most of its time goes into processes and disks, which do not differ.
SAME_EVERYWHERE = ["tests/identity", "tests/model", "tests/serialization", "tests/scheduler", "tests/test_exports.py"]
SAME_EVERYWHERE += ["tests/fingerprint/test_golden.py", "tests/fingerprint/test_cases.py"]

# Faults of storages that are servers: most of their time goes by until a deadline is over, so four run at once.
OF_SERVERS = [f"tests/faults/test_{row}.py" for row in ("09_storage_busy", "10_storage_hangs", "11_reply_lost")]
OF_SERVERS += [f"tests/faults/test_{row}.py" for row in ("13_engines_on_a_bucket", "38_unreachable")]
OF_SERVERS += ["tests/faults/test_38_answer_reset_or_cut_off.py"]

# Tests that compare times, or watch memory run short, have the machine to themselves.
MEASURED = ["tests/test_import_time.py", "tests/benchmarks", "tests/crash", "tests/cluster/test_elastic.py"]
MEASURED += [f"tests/executors/test_{name}.py" for name in ("leaving", "loop")]
MEASURED += [f"tests/process/test_{name}.py" for name in ("memory_shortage", "past_usage", "start")]
MEASURED += [f"tests/faults/test_{row}.py" for row in ("12_clock_jumps", "35_texts", "37_left_at_birth")]
MEASURED += [f"tests/faults/test_{row}.py" for row in ("39_many_runs_at_once", "40_forked_and_closed", "46_template")]
# Tests of signals and processes mostly wait: for a deadline, or until a process has ended. Two of them run at once.
OF_PROCESSES = [f"tests/{name}" for name in ("faults", "hooks", "process", "executors", "cluster")]
# Faults of Dask and Ray, and the examples on both, are run by ``nox -s cluster`` only.
OF_CLUSTERS = [f"tests/cluster/test_{name}.py" for name in ("dask_faults", "dask_tls", "ray_faults", "examples")]


def without(*paths: str) -> list[str]:
    return [f"--ignore={path}" for path in paths]


SIDE_BY_SIDE = ["-n", "auto", "--dist", "worksteal"]
PARTS = [
    [*SIDE_BY_SIDE, "tests", *without(*OF_PROCESSES, *MEASURED)],
    ["-n", "4", "--dist", "worksteal", *OF_SERVERS],
    [*SIDE_BY_SIDE, *OF_PROCESSES, *without(*MEASURED, *OF_SERVERS, *OF_CLUSTERS)],
    MEASURED,
]


# Tests of worker processes, wherever these are hosted; what looks at the local pool's own is marked ``local_pool``.
THROUGH_AGENT = ["tests/process", "--ignore=tests/process/test_noted_calls.py", "--timeout=60", "-n", "2"]
OF_WORKERS = ("01", "02", "03", "13_two", "18", "19", "20", "22", "24", "25", "26", "27", "28")  # faults, by number
THROUGH_AGENT += [str(path) for number in OF_WORKERS for path in Path("tests/faults").glob(f"test_{number}_*.py")]


# Where tests are that need PyTorch, which the other sessions do not install.
WITH_TORCH = ["tests/training", "tests/formats", "tests/identity/test_library_values.py", "tests/docs/test_pages.py"]
WITH_TORCH += ["tests/process/test_warm_servers.py", "tests/examples/test_examples.py"]

# What ``quick`` runs: everything that is decided without a process, a server or a disk that matters.
ROOMS = ["scheduler", "stateful", "identity", "fingerprint", "model", "graph", "events", "progress", "record"]
ROOMS += ["serialization"]
QUICK = [f"tests/{name}" for name in [*ROOMS, "formats", "pool"] if Path("tests", name).exists()]


def group(name: str) -> list[str]:
    return nox.project.dependency_groups(PROJECT, name)


def starts(python: str) -> bool:
    """Check that a Python runs at all: a version manager's shim may stand for a version that is not installed."""
    probe = [python, "-c", "import venv, ensurepip"]
    return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def interpreter(version: str) -> str | None:
    """Find a Python of this version that starts, on PATH or among those of pyenv and uv."""
    named = f"python{version}"
    found = [shutil.which(named)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for pattern in (pyenv / "versions", Path.home() / ".local/share/uv/python"):
        found += sorted(map(str, pattern.glob(f"*/bin/{named}")))
    return next((python for python in found if python is not None and starts(python)), None)


def others() -> dict[str, str]:
    """Find the other supported Pythons that are installed here, by version."""
    found = {version: interpreter(version) for version in SUPPORTED if version != RUNNING}
    return {version: python for version, python in found.items() if python is not None}


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite on the running Python, after the tests that must pass on every other one."""
    for version, python in others().items():
        inside = environment(session, f"tests-{version}", python, "-e", ".[rich]", *group("tests"))
        chosen = session.posargs or [*SIDE_BY_SIDE, *SAME_EVERYWHERE]
        session.run(inside, "-m", "pytest", *chosen, external=True)
    session.install(
        "-e", ".[rich]", *group("tests"), *group("formats"), *group("servers"), *group("services"), *group("examples")
    )
    if not session.posargs:
        with_ray(session)
    for chosen in [session.posargs] if session.posargs else PARTS:
        session.run("python", "-m", "pytest", "--durations=20", *chosen)
    if not session.posargs:
        chosen = [f"tests/process/test_{name}.py" for name in ("deaths", "stopping", "claims")]  # all: nox -s cluster
        session.run("python", "-m", "pytest", "--through=agent", *chosen)


@nox.session
def quick(session: nox.Session) -> None:
    """The parts that decide, in half a minute: one Python, no servers, no processes, fewer random examples."""
    session.install("-e", ".[rich]", *group("tests"), *group("formats"))
    options = ["-m", "not processes", *SIDE_BY_SIDE]
    session.run("python", "-m", "pytest", *options, *(session.posargs or QUICK), env={"ALEXFLOW_EFFORT": "0.25"})


@nox.session
def cluster(session: nox.Session) -> None:
    """Workers that agents host: agents, real clusters of Dask and Ray, and the tests of the pool through an agent."""
    session.install("-e", ".[rich]", *group("tests"), *group("formats"), *group("servers"), *group("examples"))
    with_ray(session)
    session.run("python", "-m", "pytest", "tests/cluster", *session.posargs)
    session.run("python", "-m", "pytest", "tests/cluster", "-k", "test_c", "--in=seaweedfs", *session.posargs)
    session.run("python", "-m", "pytest", "--through=agent", *THROUGH_AGENT, *session.posargs)


def with_ray(session: nox.Session) -> None:
    """Install Ray, 70 MB, unless there is none for this Python."""
    try:
        session.install("-e", ".[ray]")
    except nox.command.CommandFailed:
        session.warn("ray cannot be installed here; its tests are skipped")


@nox.session
def crate(session: nox.Session) -> None:
    """Crates that ``alexflow export`` writes, read by the reference implementation of their profile."""
    session.install("-e", ".", *group("crate"))
    session.run("python", "-m", "pytest", "tests/cli/test_export.py", *session.posargs)


@nox.session
def torch(session: nox.Session) -> None:
    """PyTorch and Lightning: recipes, formats, parameters, preloading, an example. Their wheels take 5 GB."""
    packages = [*group("tests"), *group("formats"), *group("examples"), *group("torch")]
    session.install("-e", ".[rich,threads]", *packages)
    session.run("python", "-m", "pytest", *(session.posargs or ["-k", "torch or training or search", *WITH_TORCH]))


@nox.session
def storage(session: nox.Session) -> None:
    """The promises of storages, and their failures, over a real server of each kind."""
    session.install("-e", ".[s3,gcs,azure,sftp,webdav]", *group("storage"))
    install_sshd(session)
    node = Path(session.virtualenv.location) / "npm"
    session.run("npm", "install", "--silent", "--prefix", str(node), "azurite@3", external=True)
    path = os.pathsep.join([str(node / "node_modules" / ".bin"), os.environ["PATH"]])
    env = {"ALEXFLOW_TEST_SERVERS": "all", "PATH": path}
    session.run("python", "-m", "pytest", *(session.posargs or [*SIDE_BY_SIDE, "tests/storage", *OF_SERVERS]), env=env)


def install_sshd(session: nox.Session) -> None:
    """Install OpenSSH's server, Debian's package, if that is allowed, and do not start it; else tests of SFTP fail."""
    present = shutil.which("sshd", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if present is None and shutil.which("apt-get") is not None and os.geteuid() == 0:
        for command in (["update"], ["install", "-y", "--no-install-recommends", "openssh-server"]):
            session.run("apt-get", "-qq", *command, external=True, env={"RUNLEVEL": "1"}, success_codes=range(256))


def environment(session: nox.Session, name: str, python: str, *packages: str) -> str:
    """Make a further virtual environment with these packages, kept beside nox's own, and return its Python."""
    home = Path(".nox").absolute() / name
    inside = str(home / "bin" / "python")
    by_uv = session.virtualenv.venv_backend == "uv"
    if not (home.exists() and starts(inside)):
        shutil.rmtree(home, ignore_errors=True)
        # without pip of its own, which takes seconds to unpack: the session's installs into it as well
        make = ["uv", "venv", "-q", "--python", python] if by_uv else [python, "-m", "venv", "--without-pip"]
        session.run(*make, str(home), external=True)
    into = (
        ["uv", "pip", "install", "--python", inside]
        if by_uv
        else ["python", "-m", "pip", "--python", inside, "install"]
    )
    session.run(*into, "-q", *packages)
    return inside


@nox.session
def simulate(session: nox.Session) -> None:
    """Thousands of random scenarios with faults in virtual time; those that go wrong are saved in simulations/."""
    session.install("-e", ".")
    session.run("python", "-m", "tests.simulation", "search", *(session.posargs or ["--seeds", "5000"]))


@nox.session
def legacy(session: nox.Session) -> None:
    """Ids and documents beside those that alexflow 1.1.4 gives, in an environment of its own."""
    session.install("-e", ".[joblib]", *group("tests"), *group("formats"), *group("examples"))
    pins = ["alexflow==1.1.4", "setuptools<81"]  # its packages are declared with pkg_resources
    python = environment(session, "alexflow-1.1.4", interpreter(PEERS_PYTHON) or sys.executable, *pins)
    session.run("pytest", "tests/legacy", *session.posargs, env={"ALEXFLOW_1_PYTHON": python})


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, and the layers of imports."""
    session.install("-e", ".", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """The package under mypy and pyright, then its users' code under both."""
    session.install("-e", ".[rich]", *group("tests"), *group("formats"), *group("typing"))
    session.run("mypy")
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})
    session.run("pytest", "tests/typing", *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """200 times SIGKILL at random instants for engines and workers; ``-- --seed N`` repeats a plan. 60 times at agents,
    those of Dask and Ray among them.
    """
    session.install("-e", ".", *group("tests"))
    with_ray(session)
    session.run("python", "-m", "tests.crash", *session.posargs)
    session.run("python", "-m", "tests.crash", "--agents", "--kills=60")


@nox.session
def soak(session: nox.Session) -> None:
    """200,000 tasks, 2,000 of which kill their worker: the engine must not grow; ``-- --tasks N`` for fewer."""
    session.install("-e", ".", *group("tests"))
    session.run("python", "-m", "tests.crash.soak", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """5,000 random classes with broken hooks among another caller's good tasks; ``-- N`` for another number."""
    session.install("-e", ".", *group("tests"))
    env = {"ALEXFLOW_FUZZ": session.posargs[0] if session.posargs else "5000"}
    session.run("python", "-m", "pytest", "tests/hooks/test_fuzz.py", env=env)


@nox.session
def example(session: nox.Session) -> None:
    """The example of the README, from nothing to a result."""
    session.install("-e", ".[rich]", *group("examples"))
    session.run("python", "examples/iris.py", *session.posargs)


@nox.session
def service(session: nox.Session) -> None:
    """The example of a service under load on real sockets: stampedes, hang-ups, kills, SIGTERM, two processes."""
    session.install("-e", ".", *group("services"))
    session.run("python", "-m", "tests.services.drive", *session.posargs)


@nox.session(name="soak-service")
def soak_service(session: nox.Session) -> None:
    """One engine with all features of services, used for 15 minutes while workers are killed; ``-- --minutes N``."""
    session.install("-e", ".", *group("services"))
    session.run("python", "-m", "tests.services.soak", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The cost of a task: alexflow beside its physical limit and handwritten asyncio, in some minutes."""
    session.install("-e", ".", *group("bench"))
    session.run("python", "-m", "benchmarks", *(session.posargs or ["--rounds", "3"]))


@nox.session(name="bench-peers")
def bench_peers(session: nox.Session) -> None:
    """The same beside other engines: those named, or all; cases and options are passed to the benchmarks."""
    session.install("-e", ".", *group("bench"))
    pinned = {path.stem: path for path in sorted(Path("benchmarks/peers").glob("*.txt"))}
    wanted = [word for word in session.posargs if word in pinned] or list(pinned)
    rest = [word for word in session.posargs if word not in pinned]
    present = [name for name in wanted if peer(session, name, pinned[name])]
    session.run("python", "-m", "benchmarks", *rest, *(["--peers", *present] if present else []))


def peer(session: nox.Session, name: str, pins: Path) -> bool:
    """Make another engine's environment, kept beside nox's own until its pins change; return whether that worked."""
    home = Path(".nox").absolute() / f"peer-{name}"
    installed = home / pins.name
    if installed.exists() and installed.read_bytes() == pins.read_bytes() and starts(str(home / "bin" / "python")):
        return True
    shutil.rmtree(home, ignore_errors=True)
    try:
        environment(session, home.name, interpreter(PEERS_PYTHON) or sys.executable, "-r", str(pins))
    except nox.command.CommandFailed:
        session.warn(f"{name} cannot be installed here; the others go on without it")
        shutil.rmtree(home, ignore_errors=True)
        return False
    shutil.copy(pins, installed)
    return True


@nox.session
def page(session: nox.Session) -> None:
    """Reports and the live page in the installed Chromium, then a report of the example, which it leaves behind."""
    session.install("-e", ".[web]", *group("page"), *group("examples"))
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/browser", "tests/web", "tests/timeline"]))
    with tempfile.TemporaryDirectory() as storage:
        session.run("python", "examples/sweep.py", "--storage", storage, silent=True)
        session.run("alexflow", "report", "--storage", storage, "-o", "report.html")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, in site/."""
    session.install("-e", ".", *group("docs"))
    session.run("mkdocs", "build", "--strict", *session.posargs)
