"""``fingerprint_of``: the code behind a task class, found without importing or running anything."""

from __future__ import annotations

import os
import sys
import threading
from weakref import WeakKeyDictionary

from alexflow.fingerprint.code_state import Fingerprint, make_fingerprint
from alexflow.fingerprint.memo import LinkMemo, Memos, make_memo
from alexflow.fingerprint.running_code import bytecode_units, edited_after_import
from alexflow.hooks import class_name, module_of, qualname_of
from alexflow.identity.names import module_name

SESSION = "__main__"  # a module that is in no file

_lock = threading.Lock()
_known: WeakKeyDictionary[type, LinkMemo] = WeakKeyDictionary()
_memos = Memos()


def fingerprint_of(cls: type, memos: Memos | None = None) -> Fingerprint:
    """Return the fingerprint of a task class. It blocks, for a millisecond where nothing has changed.

    Args:
        cls: the class.
        memos: the cache; by default the user's.
    """
    module, qualname = module_name(module_of(cls)), qualname_of(cls)
    with _lock:
        if module == SESSION:
            return _of_session(cls, qualname)
        memo = _known.get(cls)
        if memo is None or not memo.holds():
            memo = _known[cls] = _memo(module, qualname, memos or _memos)
    if not memo.fingerprint.units:
        return _of_bytecode(cls)
    return _with_edits(memo)


def _memo(module: str, qualname: str, memos: Memos) -> LinkMemo:
    memo = memos.read(module, qualname)
    return memo if memo is not None else _linked(module, qualname, memos)


def _linked(module: str, qualname: str, memos: Memos) -> LinkMemo:
    # deferred: parsing takes 20 ms to import, and is needed only where something has changed
    from alexflow.fingerprint.linking import first_party_packages, link

    top = module.partition(".")[0]
    summaries = memos.summaries(top)
    named = first_party_packages(sys.modules.get(module))
    found = link(module, qualname, summaries, {top, *named.packages})
    memo = make_memo(found.fingerprint, {**found.paths, **dict.fromkeys(named.files)})
    if found.parsed:
        memos.write_summaries(top, found.summaries)
    memos.write(module, qualname, memo)
    return memo


def _of_session(cls: type, qualname: str) -> Fingerprint:
    from alexflow.fingerprint.notebook import session_source  # deferred: few classes are of a session

    source = session_source()
    if source is None:
        return _of_bytecode(cls)
    from alexflow.fingerprint.linking import first_party_packages, link  # deferred as above

    named = first_party_packages(None)
    found = link(SESSION, qualname, {}, named.packages, {SESSION: source})
    return found.fingerprint if found.fingerprint.units else _of_bytecode(cls)


def _of_bytecode(cls: type) -> Fingerprint:
    mark = f"{class_name(cls)} has no source that could be read"
    return make_fingerprint(bytecode_units(cls), [mark])


def _with_edits(memo: LinkMemo) -> Fingerprint:
    """Add the marks that are of this process alone."""
    found = memo.fingerprint
    edited = edited_after_import((file.path, file.modified / 1e9) for file in memo.files if os.path.isabs(file.path))
    if not edited:
        return found
    marks = [f"{module} was edited after it was imported" for module in edited]
    return Fingerprint(found.digest, found.units, (*found.marks, *marks))
