"""An output with everything that it was made from as a Workflow Run RO-Crate, made from the record alone.

The profile is Provenance Run Crate 0.5, https://w3id.org/ro/wfrun/provenance/0.5: a class of tasks is a tool, each task
a ``CreateAction``, each run of an engine an ``OrganizeAction``. The workflow itself is the document of the task, from
which :func:`alexflow.deserialize` makes the live one.

Rejected: the library ``rocrate``, which has to be installed and offers dictionaries in place of these.
"""

from __future__ import annotations

import mimetypes
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from alexflow.errors import DefinitionError, OutputNotFound
from alexflow.record.crate_graph import METADATA_FILE, CrateGraph, Entity, file_id, fragment, link, references
from alexflow.record.entry import Entry, EntryOutput
from alexflow.record.fields import references_in
from alexflow.record.leaves import leaves
from alexflow.record.record import Record
from alexflow.record.run_record import Run
from alexflow.storage import LocalStorage
from alexflow.storage.shown_place import shown_place

#: The file that has the task as a document.
WORKFLOW_FILE = "workflow.json"

_PROJECT = "https://pypi.org/project/alexflow"
_WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_COMPLETED = "http://schema.org/CompletedActionStatus"
_NO_LICENSE = "No license was stated."

#: What an action used, by the name in :meth:`Entry.to_json`, and its unit.
_USAGE = {"cpu_seconds": "https://qudt.org/vocab/unit/SEC", "peak_rss_bytes": "https://qudt.org/vocab/unit/BYTE"}


class WrittenCrate(NamedTuple):
    """A crate that was written.

    Attributes:
        tasks: number of tasks that it describes.
        files: keys of the outputs whose files it has.
        runs: ids of the runs that made them.
    """

    tasks: int
    files: list[str]
    runs: list[str]


def write_crate(record: Record, key: str, directory: str, *, upstream: bool = False, license: str = "") -> WrittenCrate:
    """Write an output, and the description of all that it was made from, to a new directory.

    Args:
        record: of the storage.
        key: the output, or its task, as for :meth:`Record.entry`.
        directory: it must be empty, or not exist.
        upstream: whether to copy the outputs that it was made from, too.
        license: of the results, a URL or a text.

    Raises:
        DefinitionError: something is in the directory.
        NotRecorded: the record does not have it, or lacks a task behind it.
        AmbiguousKey: the beginning fits several.
        OutputNotFound: it is not in the storage any more.
        OSError: the directory cannot be written.
    """
    if os.path.isdir(directory) and os.listdir(directory):
        raise DefinitionError(f"{directory} is not empty; a crate is written to a directory of its own")
    entry = record.entry(key)
    behind = [each for each in record.upstream(key) if each.executor]  # others are only among the fields of these
    workflow = record.document(entry.task_id)
    wanted = {output.key for each in [entry, *(behind if upstream else ())] for output in each.outputs}
    files = record.storage.exists_many(sorted(wanted))
    lost = next((output.key for output in entry.outputs if output.key not in files), None)
    if lost is not None:
        raise OutputNotFound(lost, shown_place(record.storage))
    with _written_whole(directory) as place:
        _copy(record, sorted(files), place)
        crate = _Crate(record, [*reversed(behind), entry], files, place)
        _write(place, WORKFLOW_FILE, workflow)
        _write(place, METADATA_FILE, crate.describe(entry, license or _NO_LICENSE))
    return WrittenCrate(len(behind) + 1, sorted(files), sorted(crate.runs))


@contextmanager
def _written_whole(directory: str) -> Iterator[str]:
    """Give a directory beside this one, which takes its place at the end; after an error nothing is left."""
    directory = os.path.abspath(directory)
    place = f"{directory}.{os.urandom(4).hex()}"
    os.makedirs(place)
    try:
        yield place
        os.rename(place, directory)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _copy(record: Record, keys: list[str], directory: str) -> None:
    from alexflow.storage.copying import copy  # deferred: asyncio

    crate = LocalStorage(directory)
    missing = copy(record.storage, crate, keys).missing
    looked_at = crate.verify(keys, quarantine=False)
    wrong = [*missing, *(each.key for each in (*looked_at.damaged, *looked_at.unreadable))]
    if wrong:
        raise OutputNotFound(wrong[0], shown_place(record.storage))


def _write(directory: str, name: str, data: Any) -> None:
    with open(os.path.join(directory, name), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")


class _Crate:
    """Describes tasks, each after those that it reads."""

    def __init__(self, record: Record, entries: Sequence[Entry], files: Iterable[str], directory: str):
        self._graph = CrateGraph()
        self._entries = entries
        self._files = frozenset(files)
        self._directory = directory
        self._sizes = {output.key: output.bytes for entry in entries for output in entry.outputs}
        recorded = {run.id: run for run in record.runs()}
        self.runs: dict[str, Run] = {each.run_id: recorded[each.run_id] for each in entries if each.run_id in recorded}
        self._root = self._graph.add("./", "Dataset", conformsTo=self._graph.conforms())

    def describe(self, target: Entry, license: str) -> dict[str, Any]:
        """Return the metadata of all of it."""
        workflow = self._workflow(target)
        link(self._root, "hasPart", workflow)
        whole = self._whole(workflow, target)
        link(self._root, "mentions", whole)
        for entry in self._entries:
            link(self._root, "mentions", self._action(entry, workflow, whole))
        of_target = self._graph.add(fragment(target.task_id), "CreateAction")
        whole |= {name: of_target[name] for name in ("object", "result") if name in of_target}
        tool = self._tool(target)
        workflow |= {name: tool[name] for name in ("input", "output") if name in tool}
        self._root |= {
            "name": f"{target.cls}: {target.key or target.task_id}",
            "description": f"An output of {target.cls}, the {len(self._entries)} tasks that made it, and their runs.",
            "datePublished": _time(target.finished) or _time(target.started) or "",
            "license": self._license(license),
            "author": references([self._agent(target)]),
            "mainEntity": {"@id": workflow["@id"]},
        }
        return self._graph.document()

    def _license(self, license: str) -> Any:
        if "://" not in license:
            return license
        return references([self._graph.add(license, "CreativeWork", name=license)])

    def _workflow(self, target: Entry) -> Entity:
        language = self._graph.add(fragment("language"), "ComputerLanguage", name="alexflow document", url=_PROJECT)
        return self._graph.add(
            file_id(WORKFLOW_FILE),
            ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            name=target.cls,
            description="The task with all that it is made from; alexflow.deserialize() makes the live one of it.",
            encodingFormat="application/json",
            conformsTo={"@id": _WORKFLOW_PROFILE},
            programmingLanguage={"@id": language["@id"]},
            version=str(target.version or target.code or "1"),
        )

    def _whole(self, workflow: Entity, target: Entry) -> Entity:
        """The action of the workflow as a whole, from the first task to the last one."""
        began = [entry.started for entry in self._entries if entry.started is not None]
        return self._graph.add(
            fragment("workflow"),
            "CreateAction",
            name=f"Making of {target.key or target.task_id}",
            description=f"{len(self._entries)} tasks in {len(self.runs)} runs",
            instrument={"@id": workflow["@id"]},
            startTime=_time(min(began, default=None)),
            endTime=_time(target.finished),
            actionStatus=_COMPLETED if target.finished is not None else None,
            agent=references([self._agent(target)]),
        )

    # -- a task

    def _action(self, entry: Entry, workflow: Entity, whole: Entity) -> Entity:
        """The action of a task, with the step of the workflow, and the run, that it belongs to."""
        tool = self._tool(entry)
        link(workflow, "hasPart", tool)
        action = self._graph.add(
            fragment(entry.task_id),
            "CreateAction",
            name=entry.task_id,
            description=f"Attempt {entry.attempts} of {entry.cls}, on {entry.host}" if entry.attempts else entry.cls,
            instrument={"@id": tool["@id"]},
            startTime=_time(entry.started),
            endTime=_time(entry.finished),
            actionStatus=_COMPLETED if entry.finished is not None else None,
            agent=references([self._agent(entry)]),
        )
        self._parameters(entry, tool, action)
        self._inputs(entry, tool, action)
        for output in entry.outputs:
            link(action, "result", self._data(output, tool, "output", _ending(output.key, entry.task_id)))
        self._usage(entry, action)
        self._control(entry, tool, action, workflow, whole)
        return action

    def _tool(self, entry: Entry) -> Entity:
        version = str(entry.version if entry.version is not None else entry.code or "")
        return self._graph.add(fragment(entry.cls), "SoftwareSourceCode", name=entry.cls, version=version)

    def _parameters(self, entry: Entry, tool: Entity, action: Entity) -> None:
        for path, text in leaves(entry.fields):
            value = self._graph.add(fragment(entry.task_id, path), "PropertyValue", name=path, value=text)
            self._exemplify(value, tool, "input", path, "PropertyValue")
            link(action, "object", value)

    def _inputs(self, entry: Entry, tool: Entity, action: Entity) -> None:
        named = {
            each["key"]: name
            for name, value in entry.fields.items()
            for each in references_in({name: value})
            if "key" in each
        }
        for read in entry.inputs:
            data = EntryOutput(read.key, self._sizes.get(read.key), read.digest)
            link(action, "object", self._data(data, tool, "input", named.get(read.key, "input")))

    def _data(self, output: EntryOutput, tool: Entity, role: str, name: str) -> Entity:
        """An output: a file of the crate, or only its key and its digest."""
        facts = {"name": output.key, "contentSize": None if output.bytes is None else str(output.bytes)}
        if output.digest is not None:
            facts["identifier"] = f"blake2b-128:{output.digest}"
        if output.key in self._files:
            kind = mimetypes.guess_type(output.key)[0] or "application/octet-stream"
            data = self._graph.add(file_id(output.key), "File", encodingFormat=kind, **facts)
            link(self._root, "hasPart", data)
        else:
            data = self._graph.add(fragment("output", output.key), "PropertyValue", value=output.key, **facts)
        self._exemplify(data, tool, role, name, str(data["@type"]))
        return data

    def _exemplify(self, value: Entity, tool: Entity, role: str, name: str, kind: str) -> None:
        """Say of a value which parameter of a tool it is one of."""
        parameter = self._graph.add(
            fragment(tool["name"], role, name), "FormalParameter", name=name, additionalType=kind
        )
        link(tool, role, parameter)
        link(value, "exampleOfWork", parameter)
        link(parameter, "workExample", value)

    def _usage(self, entry: Entry, action: Entity) -> None:
        for name, unit in _USAGE.items():
            amount = getattr(entry, name)
            if amount is not None:
                id = fragment(entry.task_id, "usage", name)
                used = self._graph.add(
                    id, "PropertyValue", name=name, propertyID=name, unitCode=unit, value=str(amount)
                )
                link(action, "resourceUsage", used)

    # -- a run

    def _control(self, entry: Entry, tool: Entity, action: Entity, workflow: Entity, whole: Entity) -> None:
        steps = len(workflow.get("step", ()))
        step = self._graph.add(
            fragment("step", entry.cls),
            "HowToStep",
            name=entry.cls,
            position=str(steps),
            workExample={"@id": tool["@id"]},
        )
        link(workflow, "step", step)
        control = self._graph.add(
            fragment("control", entry.task_id),
            "ControlAction",
            name=f"Orchestration of {entry.task_id}",
            instrument={"@id": step["@id"]},
            object={"@id": action["@id"]},
        )
        link(self._organization(entry, whole), "object", control)

    def _organization(self, entry: Entry, whole: Entity) -> Entity:
        """The run of an engine that a task belongs to."""
        run = self.runs.get(entry.run_id)
        return self._graph.add(
            fragment("run", entry.run_id or "unknown"),
            "OrganizeAction",
            name=f"Run {entry.run_id}" if entry.run_id else "A run that is not recorded",
            description=" ".join(run.command) if run is not None else None,
            agent=references([self._agent(entry)]),
            instrument={"@id": self._engine(entry, run)["@id"]},
            startTime=_time(run.started) if run is not None else None,
            endTime=_time(run.ended) if run is not None else None,
            result={"@id": whole["@id"]},
            subjectOf=references(self._packages(entry)),
        )

    def _engine(self, entry: Entry, run: Run | None) -> Entity:
        python = self._graph.add(
            f"https://www.python.org/#{entry.python}",
            "SoftwareApplication",
            name="Python",
            softwareVersion=entry.python,
            url="https://www.python.org/",
            operatingSystem=entry.environment.get("platform"),
        )
        version = "" if run is None else run.version
        return self._graph.add(
            f"{_PROJECT}/{version}".rstrip("/"),
            "SoftwareApplication",
            name="alexflow",
            softwareVersion=version or "unknown",
            url=_PROJECT,
            softwareRequirements={"@id": python["@id"]},
        )

    def _packages(self, entry: Entry) -> list[Entity]:
        """The list of installed packages, which lies with the record that was copied along."""
        path = f".alexflow/record/packages-{entry.environment.get('packages')}.txt"
        if not os.path.exists(os.path.join(self._directory, path)):
            return []
        listed = self._graph.add(file_id(path), "File", name="Packages of the environment", encodingFormat="text/plain")
        link(self._root, "hasPart", listed)
        return [listed]

    def _agent(self, entry: Entry) -> Entity:
        run = self.runs.get(entry.run_id)
        user = run.user if run is not None and run.user else "unknown"
        return self._graph.add(fragment("user", user), "Person", name=user)


def _time(moment: datetime | None) -> str | None:
    """A moment as the profile's checks take it."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _ending(key: str, task_id: str) -> str:
    return key.removeprefix(task_id).lstrip(".:") or "output"
