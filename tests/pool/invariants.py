"""Invariants of the pool's machine after each event, counted again from the beginning."""

from __future__ import annotations

from collections.abc import Container
from math import isclose

from alexflow.executors.process.machine import PoolMachine
from alexflow.executors.process.places import Place
from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS


class Broken(AssertionError):
    """Something that must hold does not."""


def validate(machine: PoolMachine, queue: Container[str]) -> None:
    """Check everything that the machine counts, and that no job that waits in the queue is at a place.

    Raises:
        Broken: something is wrong.
    """
    places = [*machine.roster.all, *machine.roster.leaving]
    if len(set(map(id, places))) != len(places):
        raise Broken("a place is there twice")
    if len(machine.roster.places) > machine.roster.size:
        raise Broken(f"there are {len(machine.roster.places)} places, and {machine.roster.size} allowed")
    busy = sum(1 for place in machine.roster.all if place.sent)
    if busy > machine.roster.size:
        raise Broken(f"{busy} places have jobs, and {machine.roster.size} may")
    for place in places:
        _validate(machine, place)
    speculative = 0
    for name, sent in machine.assigned.items():
        if sent.job.task_id != name:
            raise Broken(f"{sent.job.task_id} is under the name {name}")
        speculative += sent.is_speculative
        is_there = sent.place.sent.get(sent.number) is sent
        if is_there == (sent.outcome is not None):
            raise Broken(f"{name} is {'at its place and has ended' if is_there else 'nowhere'}")
        if not sent.is_speculative and name in queue:
            raise Broken(f"{name} waits and is at a place")
    if machine._speculative != speculative:
        raise Broken(f"{machine._speculative} speculative jobs are counted, {speculative} are there")


def _validate(machine: PoolMachine, place: Place) -> None:
    if place.is_leaving != (place in machine.roster.leaving):
        raise Broken("a place that ends is not among those that do, or the other way round")
    if not isclose(place.expected, sum(sent.expected for sent in place.sent.values()), abs_tol=1e-12):
        raise Broken("the work of a place is miscounted")
    if place.number > place.last_number:
        raise Broken("a place has more jobs than it may get")
    if len(place.sent) > 1 and place.expected > PREFETCH_SECONDS * 1.0001:
        raise Broken(f"a place has {place.expected} seconds of work ahead")
    claims = [sent.claim for sent in place.sent.values() if sent.claim is not None]
    if claims and (len(place.sent) > 1 or place.claim is not claims[0] or claims[0].binding != place.binding):
        raise Broken("a job with a claim has company, or is where it may not be")
    if place.binding and len(claims) != len(place.sent):
        raise Broken("a place that is bound to devices has a job that claims none")
    for number, sent in place.sent.items():
        if sent.place is not place or sent.number != number:
            raise Broken("a job is at another place than it says")
        if not (sent.cancelled or sent.is_speculative) and machine.assigned.get(sent.job.task_id) is not sent:
            raise Broken(f"{sent.job.task_id} is at a place, and not assigned")
