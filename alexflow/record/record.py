"""``Record``: everything that a storage says of its outputs and of the runs that made them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from alexflow.arguments import check_argument
from alexflow.errors import AmbiguousKey, DefinitionError, NotRecorded
from alexflow.hooks import repr_of
from alexflow.identity import module_name
from alexflow.record.conditions import FieldCondition, conditions
from alexflow.record.entry import Entry, EntryInput, EntryOutput, _Parts, moment
from alexflow.record.row_source import EntryFilter, RowSource
from alexflow.record.rows import MICROS, Row, environment_of, generation_read, has_ended_before, reason_of
from alexflow.record.rows_of_storage import rows_of
from alexflow.storage import Storage
from alexflow.storage.shown_place import shown_place
from alexflow.storage.storage_checks import check_storage

if TYPE_CHECKING:  # imported where they are used: the command `show` answers in a tenth of a second
    from alexflow.model import AbstractTask, Output
    from alexflow.record.explain import Explanation
    from alexflow.record.run_record import Run, RunReport
    from alexflow.record.table import TableFormat
    from alexflow.storage.verification import Digest

#: The candidates that an error for an ambiguous prefix names.
_MOST_CANDIDATES = 10


class Record:
    """The record of a storage's outputs, from :func:`~alexflow.open_record`. Methods block.

    It is read when it is first asked, and stays what it was at that moment; :meth:`refresh` reads what has come since.
    No code of users is imported, but by :meth:`Entry.task <alexflow.record.Entry.task>`.

    Attributes:
        storage: the storage.
    """

    def __init__(self, storage: Storage):
        check_storage(storage, "Record")
        self.storage = storage

    def __repr__(self) -> str:
        return f"Record({repr_of(self.storage)})"

    def load(self) -> None:
        """Read the record now."""
        _ = self._rows

    def refresh(self) -> None:
        """Read the record again when it is next asked."""
        vars(self).pop("_rows", None)
        vars(self).pop("_readers", None)

    # -- entries

    def digest(self, key: str) -> Digest | None:
        """Return the size and digest of an output's newest generation; None where the record does not say them."""
        from alexflow.storage.verification import Digest  # deferred: only a verification asks

        newest = self._rows.of_key(key)[:1]
        for output in (each for row in newest for each in _outputs(row) if each.key == key):
            if output.bytes is not None and output.digest is not None:
                return Digest(output.bytes, output.digest)
        return None

    def entry(self, key: str | Output[Any] | AbstractTask) -> Entry:
        """Return what is known of an output: the newest generation.

        Args:
            key: an output, its key, a task, its id, or the beginning of a key or an id that fits no other.

        Raises:
            NotRecorded: the record does not have it.
            AmbiguousKey: the beginning fits several.
        """
        return self.generations(key)[0]

    def generations(self, key: str | Output[Any] | AbstractTask) -> list[Entry]:
        """Return all entries of an output, the newest first; arguments and errors as for :meth:`entry`."""
        found = self.resolve(key)
        of_key = self._rows.of_key(found)
        return [self._entry(row, found if of_key else "") for row in of_key or self._rows.of_task(found)]

    def resolve(self, key: str | Output[Any] | AbstractTask) -> str:
        """Return the whole key, or the whole id of a task, for how it begins; arguments and errors as :meth:`entry`.

        A beginning is that of a key or id, or of what stands behind a dot in it, such as the digest.
        """
        text, _ = _named(key)
        if self._rows.of_key(text) or self._rows.of_task(text):
            return text
        candidates = self._beginning_with(text) if isinstance(key, str) and text else []
        if not candidates:
            hint = "; no engine has written a record there" if self._rows.is_empty() and not self._rows.runs() else ""
            error = NotRecorded(f"the record of {shown_place(self.storage)} has nothing of {text!r}{hint}")
            error.name = text
            raise error
        if len(candidates) > 1:
            listed = candidates[:_MOST_CANDIDATES]
            raise AmbiguousKey(text, listed, len(candidates) > len(listed))
        return candidates[0]

    def _beginning_with(self, text: str) -> list[str]:
        """The keys that a text is the beginning of; where all are of one task, that task's id."""
        tasks, keys = self._rows.beginning_with(text, _MOST_CANDIDATES + 1)
        if len(keys) == 1:
            return [*keys]
        of_tasks = {*keys.values(), *tasks}
        if len(of_tasks) == 1:
            task_id = next(iter(of_tasks))
            return [task_id] if task_id in tasks else sorted(keys)
        return sorted(of_tasks)

    def entries(
        self,
        cls: str | type[AbstractTask] | None = None,
        where: Mapping[str, Any] | None = None,
        newer: datetime | timedelta | None = None,
        larger: int | None = None,
    ) -> Iterator[Entry]:
        """Yield the newest entry of each task, the newest first.

        Args:
            cls: a class, or its name: ``pkg.Train``, or the end of that, ``Train``.
            where: fields by their paths, each with a value, or with an operator and a value:
                ``{"depth": 5, "config.lr": ("<", 0.1), "model": ("~=", "resnet")}``.
            newer: only what finished later than this moment, or within this time.
            larger: only what stored more bytes than this.

        Raises:
            DefinitionError: a condition is none.
        """
        return self.entries_that(cls, conditions(where), newer, larger)

    def entries_that(
        self,
        cls: str | type[AbstractTask] | None,
        conditions: Iterable[FieldCondition],
        newer: datetime | timedelta | None = None,
        larger: int | None = None,
    ) -> Iterator[Entry]:
        """Yield entries as :meth:`entries`, by conditions that are read: several may be on one field."""
        if larger is not None:
            check_argument("larger", larger, (int, float), "a number of bytes")
        wanted = EntryFilter(_class_name(cls), tuple(conditions), _since(newer), larger)
        return (self._entry(row) for row in self._rows.newest(wanted))

    def table(
        self,
        cls: str | type[AbstractTask],
        values: Mapping[str, str] | None = None,
        where: Mapping[str, Any] | None = None,
        *,
        format: TableFormat = "arrow",
    ) -> Any:
        """Return a table of the tasks of a class: parameters, values chosen from their outputs, and cost.

        Args:
            cls: as for :meth:`entries`.
            values: by the name of its column each value: the end of an output's key, a colon, and the path in its
                JSON, ``{"accuracy": "metrics.json:test.accuracy"}``; all of it without a path, ``"metrics.json:"``.
            where: as for :meth:`entries`.
            format: ``"arrow"`` for a ``pyarrow.Table``, ``"pandas"`` or ``"polars"`` for a ``DataFrame``.

        Returns:
            A row for each task that has run, the newest first. Its columns are the paths of parameters, then the names
            of values, then ``seconds``, ``cpu_seconds``, ``peak_rss_bytes``, ``finished``, ``key``. What is not there
            is null.

        Raises:
            DefinitionError: a value or a condition is not written as one, or a value fits no output.
            MissingLibrary: the library is not installed.
        """
        from alexflow.record.table import columns_of, frame_of

        return frame_of(columns_of(self.entries(cls, where), self.storage, values or {}), format)

    def upstream(self, key: str | Output[Any] | AbstractTask) -> Iterator[Entry]:
        """Yield the entries of everything that an output was made from, the nearest first.

        What the record does not have is passed over: a source, or an output from before there was a record.
        """
        return self._walk(key, self._made_from)

    def downstream(self, key: str | Output[Any] | AbstractTask) -> Iterator[Entry]:
        """Yield the entries of everything that was made from an output, the nearest first."""
        return self._walk(key, lambda row: [reader for key in row.keys for reader in self._readers.get(key, ())])

    def _walk(self, key: str | Output[Any] | AbstractTask, next_rows: Callable[[Row], list[Row]]) -> Iterator[Entry]:
        row = self.row(key)
        seen, pending = {row.task_id}, [row]
        for row in pending:  # grows
            for other in next_rows(row):
                if other.task_id not in seen:
                    seen.add(other.task_id)
                    pending.append(other)
                    yield self._entry(other)

    def _made_from(self, row: Row) -> list[Row]:
        found = [self._rows.of_key(key) for key in row.input_keys()]
        named = (reference.get("id") or reference.get("task", "") for reference in row.references())
        found += [self._rows.of_task(task_id) for task_id in named]
        return [rows[0] for rows in found if rows]

    # -- reasons

    def explain(self, key: str | Output[Any] | AbstractTask) -> Explanation:
        """Explain why a task ran; of a live task or output also the code that has changed since, or why it will run.

        Args:
            key: as for :meth:`entry`. Only for a live task or output it need not have run yet.

        Raises:
            NotRecorded: the record does not have it.
            AmbiguousKey: the beginning fits several.
        """
        from alexflow.record.explain import RecordedTasks, explain_made, explain_row, explain_task

        rows = self._rows
        recorded = RecordedTasks(rows.of_task, rows.alike, self._inputs, self._reason, self.code_units, self.code_marks)
        _, task = _named(key)
        if task is not None:
            row = self.row_of_task(task.task_id)
            if row is None or len(self.storage.exists_many(row.keys)) < len(row.keys):
                return explain_task(task, recorded)
            return explain_made(task, row, recorded)
        return explain_row(self.row(key), recorded)

    def row(self, key: str | Output[Any] | AbstractTask) -> Row:
        """Return what the segments say of the newest generation; arguments and errors as for :meth:`entry`."""
        found = self.resolve(key)
        return (self._rows.of_key(found) or self._rows.of_task(found))[0]

    def newest_rows(self, keys: Iterable[str]) -> list[Row]:
        """Return what the segments say of the newest generation of outputs, without those that they do not have."""
        return [rows[0] for rows in map(self._rows.of_key, keys) if rows]

    def row_of_task(self, task_id: str) -> Row | None:
        """Return the same for a task's whole id; None if the record does not have it."""
        rows = self._rows.of_task(task_id)
        return rows[0] if rows else None

    def document(self, task_id: str) -> dict[str, Any]:
        """Return a document of a task, by its whole id, in which secrets are only named.

        Raises:
            NotRecorded: the record does not have it, or lacks a task behind it.
        """
        from alexflow.record.rebuilding import document_for  # deferred: few ask

        return document_for(self.row(task_id), self.row_of_task, with_secrets=True)

    def all_rows(self) -> Iterator[Row]:
        """Yield what the segments say of the newest generation of each task."""
        return (rows[0] for rows in self._rows.tasks())

    def all_generations(self) -> Iterator[Entry]:
        """Yield the entries of everything that has run, those that were made again since included."""
        return (self._entry(row) for rows in self._rows.tasks() for row in rows)

    def code_units(self, digest: str) -> tuple[tuple[str, str], ...] | None:
        """Return the names and digests of the code of which an entry has the digest; None if they are not there."""
        lines = self._rows.code_lines(digest)
        inline = next((line.parts for line in lines if line.parts is not None), None)
        if inline is not None:
            return inline
        from alexflow.record.code_lists import stored_list

        return stored_list(self.storage.reserved_below("record"), digest)

    def code_marks(self, digest: str) -> tuple[str, ...]:
        """Return what the fingerprint with a digest could only guess, in words."""
        return tuple(sorted({mark for line in self._rows.code_lines(digest) for mark in line.marks}))

    # -- runs

    def runs(self) -> list[Run]:
        """Return the runs in which anything ran or failed, the newest first."""
        return sorted(self._rows.runs().values(), key=lambda run: run.id, reverse=True)

    def run(self, id: str) -> Run:
        """Return the run with an id, or with one that begins so.

        Raises:
            NotRecorded: there is none.
            AmbiguousKey: the beginning fits several.
        """
        check_argument("the id of a run", id, str, "a text")
        runs = self._rows.runs()
        fitting = [id] if id in runs else sorted(run for run in runs if run.startswith(id)) if id else []
        if not fitting:
            raise NotRecorded(f"the record of {shown_place(self.storage)} has no run {id!r}")
        if len(fitting) > 1:
            raise AmbiguousKey(id, fitting[:_MOST_CANDIDATES], len(fitting) > _MOST_CANDIDATES)
        return runs[fitting[0]]

    def reports(self, task: AbstractTask | str) -> list[RunReport]:
        """Return what a task, or that with an id, has reported while it ran, over all its attempts, the oldest first.

        Of many reports some are kept, and the last one of each attempt. It is read anew at each call.
        """
        from alexflow.record.task_reports import reports_of  # deferred: few ask

        task_id, named = _named(task)
        return reports_of(self.storage, task_id if named is None else named.task_id)

    # -- from segments

    @cached_property
    def _rows(self) -> RowSource:
        return rows_of(self.storage)

    @cached_property
    def _readers(self) -> dict[str, list[Row]]:
        readers: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.all_rows():
            for key in row.input_keys():
                readers[key].append(row)
        return readers

    def _entry(self, row: Row, key: str = "") -> Entry:
        section = row.section
        completion = row.completion
        _, version, _ = row.canonical()
        return Entry(
            key=key or (row.keys[0] if row.keys else ""),
            task_id=row.task_id,
            cls=row.cls.replace(":", "."),
            outputs=_outputs(row),
            version=version,
            code=row.code,
            queued=None if row.queued is None else moment(row.queued),
            started=None if row.begun is None else moment(row.begun),
            finished=None if row.finished is None else moment(row.finished),
            seconds=None if completion is None else completion.took / MICROS,
            cpu_seconds=None if completion is None or completion.cpu is None else completion.cpu / MICROS,
            peak_rss_bytes=None if completion is None else completion.rss,
            host=(completion is not None and completion.host) or section.header.host,
            python=section.environment.python,
            attempts=0 if completion is None else completion.attempts,
            run_id=row.run_id,
            tags=row.tags,
            executor=row.executor,
            worker=0 if completion is None else completion.worker,
            generated=None if completion is None else completion.generated,
            environment=environment_of(section),
            is_intact=row.is_intact,
            _parts=_Parts(row.fields, partial(self._inputs, row), partial(self._reason, row), partial(self._task, row)),
        )

    def _inputs(self, row: Row) -> tuple[EntryInput, ...]:
        inputs = []
        for key in row.input_keys():
            made = generation_read(self._rows.of_key(key), row)
            digests = {output.key: output.digest for output in _outputs(made)} if made is not None else {}
            inputs.append(EntryInput(key, digests.get(key)))
        return tuple(inputs)

    def _reason(self, row: Row) -> str:
        """The cause for which a task ran. Engines say whether it was forced; the rest is seen in what ran before it."""
        recorded = "" if row.completion is None else reason_of(row.completion)
        if recorded != "missing":
            return recorded
        before = (other for other in self._rows.of_task(row.task_id) if has_ended_before(other, row))
        if any(True for _ in before):
            return "lost" if self._quarantined.isdisjoint(row.keys) else "damaged"
        read = (generation_read(self._rows.of_key(key), row) for key in row.input_keys())
        return "upstream" if any(made is not None and made.run_id == row.run_id for made in read) else "missing"

    @cached_property
    def _quarantined(self) -> frozenset[str]:
        return frozenset(self.storage.quarantined())

    def _task(self, row: Row) -> AbstractTask:
        from alexflow.record.rebuilding import rebuilt_task

        return rebuilt_task(row, self.row_of_task)


def _named(key: object) -> tuple[str, AbstractTask | None]:
    """Return the name of what a caller asks for, and the live task behind it, if there is one.

    Raises:
        DefinitionError: it is nothing that has a record.
    """
    if isinstance(key, str):
        return key, None
    from alexflow.model import AbstractTask, Output  # deferred: a command has only names, and answers sooner without

    if isinstance(key, Output):
        return key.key, cast("AbstractTask", key.src_task)
    if isinstance(key, AbstractTask):
        return key.task_id, key
    raise DefinitionError(f"the record is asked for an output, a task, a key or an id, not for {repr_of(key)}")


def _class_name(cls: str | type[AbstractTask] | None) -> str | None:
    if cls is None or isinstance(cls, str):
        return cls and cls.replace(":", ".")
    check_argument("cls", cls, type, "a class of tasks, or its name")
    return f"{module_name(cls.__module__)}.{cls.__qualname__}"


def check_record(name: str, value: object) -> None:
    """Refuse what is no record, such as a storage or its path.

    Raises:
        DefinitionError: it is none.
    """
    check_argument(name, value, Record, "a record, as alexflow.open_record(storage) gives it")


def _since(newer: datetime | timedelta | None) -> float | None:
    if newer is None:
        return None
    check_argument("newer", newer, (datetime, timedelta), "a datetime or a timedelta")
    if isinstance(newer, timedelta):
        newer = datetime.now().astimezone() - newer
    return newer.timestamp()


def _outputs(row: Row) -> tuple[EntryOutput, ...]:
    stored = row.completion.stored if row.completion is not None else ()
    padded = [*stored, *[None] * (len(row.keys) - len(stored))]
    return tuple(
        EntryOutput(key, None, None) if what is None else EntryOutput(key, what[0], what[1].hex())
        for key, what in zip(row.keys, padded, strict=False)
    )
