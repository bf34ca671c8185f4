"""Names are the field's: those of before are gone, and none stands for two things (docs/design/glossary.md)."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import alexflow

PACKAGE = Path(alexflow.__file__).parent

#: Import paths and names of alexflow 1.x, which stay as they were.
FORMER = {"adapters", "core.py", "coreml", "helper.py", "legacy", "luigi", "misc"}


def words(text: str) -> set[str]:
    return set(text.split())


#: Modules by the names that they had.
OLD_MODULES = words("""
    engine.admission executors.process.ahead executors.process.arrivals executors.process.asking
    executors.process.birth executors.process.departures executors.process.ending executors.process.exits
    executors.process.forking executors.process.importing executors.process.marker executors.process.member
    executors.process.overdue executors.process.pace executors.process.records executors.process.relay
    executors.process.shipping executors.process.staff executors.process.surroundings executors.process.weight
    identity.brief model.loop model.plan ondemand record.wording scheduler.account scheduler.elsewhere
    storage.leases.patience storage.litter storage.localkeys storage.localpublishing storage.localreading
    storage.localstreams storage.newfile storage.notes storage.recent storage.remote.faults
    storage.remote.patience storage.remote.s3copies storage.remote.s3listing storage.remote.s3obstore
""")

#: Classes, functions, methods, constants and attributes by the names that they had, wherever they were.
OLD_NAMES = words("""
    Admission Ahead AtOnce Birth Broke ClassPlan Departures Exit Finished Foreseen HeldElsewhere MadeElsewhere
    Mark Marker Member Nursery Pace Packed Patience Planned Recall Recent Relay Returned Room Shipment Staff
    Template UnderWay WantsSource Worn AHEAD AT_ONCE MAX_STILLBORN STALE_ELSEWHERE_AFTER TOLD_OF_ANY _burials
    _door _foresee _hire _hire_for _hire_soon _inherit _look_around _meant _plainly _say_made _seldom_collecting
    _to_the_end _weigh among aside at_hand attempts_of behind beside brief bury credit deaths_of dismiss doubt
    doubts followers followers_of foresee grounded heard heir hire hired hopeless identified_as inside
    last_words left_behind lingering looked_behind makers note notes overdue plan_of proven readers_of_passing
    recalled remembering see_maker see_off stillborn take_leave tell_lazily told way_round
""")

#: The same for names that other places may have.
OLD_QUALIFIED = words("""
    executors.loop._within model.loop._inside storage.notes.record
""")


def modules(*, former: bool = False) -> Iterator[tuple[str, ast.Module]]:
    """Each module of the package with its syntax tree; those of 1.x only if wanted."""
    for path in sorted(PACKAGE.rglob("*.py")):
        below = path.relative_to(PACKAGE)
        if former or below.parts[0] not in FORMER:
            yield ".".join(below.with_suffix("").parts), ast.parse(path.read_text())


def assigned(node: ast.stmt) -> list[ast.expr]:
    """The targets of an assignment."""
    if isinstance(node, ast.Assign):
        return [element for target in node.targets for element in getattr(target, "elts", [target])]
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []


def defined(tree: ast.AST, local: bool = False) -> Iterator[str]:
    """Names of classes, functions and methods, of variables of modules and classes, and of attributes of ``self``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            yield from defined(node, local=not isinstance(node, ast.ClassDef))
            continue
        if isinstance(node, ast.stmt):
            for target in assigned(node):
                if isinstance(target, ast.Name) and not local:
                    yield target.id
                elif isinstance(target, ast.Attribute):
                    yield target.attr
        yield from defined(node, local)


def test_names_of_before_are_gone() -> None:
    found = {name for name, _ in modules()} & OLD_MODULES
    for module, tree in modules():
        names = set(defined(tree))
        found |= {f"{module}.{name}" for name in names & OLD_NAMES}
        found |= {f"{module}.{name}" for name in names} & OLD_QUALIFIED
    assert found == set()


#: A constant or an alias of a type. A leading underscore says that the name is one of its module only; a variable of
#: types has one letter.
ASSIGNED = re.compile(r"[A-Z]\w+")

#: The engine repeats this alias of the scheduler's: a run that has nothing to do does not import the scheduler.
REPEATED = {"OnError"}


def test_no_class_constant_or_alias_stands_for_two_things() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                where[node.name].add(module)
        for statement in tree.body:
            for target in assigned(statement):
                if isinstance(target, ast.Name) and ASSIGNED.fullmatch(target.id):
                    where[target.id].add(module)
    repeated = {name: places for name, places in where.items() if len(places) > 1}
    assert repeated.keys() == REPEATED, repeated


def parameters(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg


def test_limits_are_called_limits() -> None:
    assert [module for module, tree in modules() if "resources" in parameters(tree)] == []
