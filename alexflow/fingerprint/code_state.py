"""``Fingerprint``: the code that a task class was seen to reach, as a list of names and digests."""

from collections.abc import Iterable, Sequence

from msgspec import Struct, to_builtins

from alexflow.fingerprint.summary import NORMAL_FORM, digest_of

#: Names that a message gives.
MOST_NAMES = 3


class Fingerprint(Struct, frozen=True):
    """The state of the code behind a task class.

    Equal digests say that the code that could be seen is the same, and nothing of packages, data or hardware.

    Attributes:
        digest: of the units, as 24 hexadecimal digits.
        units: the name and the digest of each function, constant, class and method, sorted by name.
        marks: what could not be seen, or only be guessed, in words. They are no part of the digest.
    """

    digest: str
    units: tuple[tuple[str, str], ...]
    marks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return it as plain data."""
        data = to_builtins(self)
        data["units"] = dict(self.units)
        return dict(data)


def make_fingerprint(units: Iterable[tuple[str, str]], marks: Iterable[str] = ()) -> Fingerprint:
    """Make a fingerprint of units with their digests. Several of one name count as one."""
    by_name: dict[str, list[str]] = {}
    for name, digest in units:
        by_name.setdefault(name, []).append(digest)
    merged = {name: d[0] if len(d) == 1 else digest_of("".join(sorted(d))) for name, d in by_name.items()}
    listed = tuple(sorted(merged.items()))
    text = "\n".join([f"alexflow code {NORMAL_FORM}", *(f"{name} {digest}" for name, digest in listed)])
    return Fingerprint(digest_of(text), listed, tuple(sorted(set(marks))))


def names_that_differ(before: Fingerprint, after: Fingerprint) -> list[str]:
    """Return the names of the code that is not in both states, or is not the same in both, sorted."""
    first, second = dict(before.units), dict(after.units)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def difference_text(names: Sequence[str]) -> str:
    """Say which code differs, in a few words."""
    if not names:
        return "the code that could be seen is the same"
    shown = list(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown.append(f"{len(names) - MOST_NAMES} more")
    listed = ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1]
    return f"the code of {listed} differs"
