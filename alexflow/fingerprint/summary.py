"""``ModuleSummary``: everything that the linker needs of a module. A pure function of its bytes."""

from msgspec import Struct

from alexflow.identity.blake2 import blake2b

#: Part of every digest: another normal form gives other digests, and never the same by accident.
NORMAL_FORM = 1

CODE_DIGEST_SIZE = 12  # bytes

#: A reference, as a tuple that begins with its kind: names of this module, of another one, of the class around it.
Reference = tuple[str, ...]
GLOBAL, ABSOLUTE, MEMBER = "g", "m", "c"

#: Class variables that say of a task how it runs, not what it does. They are units of their own.
HOW_IT_RUNS = frozenset({"options", "retry", "resource_spec", "version", "task_name", "tags"})


class CodeUnit(Struct, frozen=True, array_like=True):
    """One thing that a name is bound to: a function, a constant, a class without its methods, a method.

    Attributes:
        digest: of its normal form.
        docstrings: digest of its docstrings, which count only if some code reads them.
        references: names that it mentions.
        attributes: names of attributes that it reads, of objects that are not known.
        dynamic: what it looks up by names made at run time: a word for the kind, and an argument.
        strings: constants that may be names of modules, classes or methods.
        writes: things of modules that it changes.
        imports: modules that it imports when it runs.
        owner: the class that it is a method of; empty if none.
    """

    digest: str
    docstrings: str
    references: tuple[Reference, ...] = ()
    attributes: tuple[str, ...] = ()
    dynamic: tuple[tuple[str, str], ...] = ()
    strings: tuple[str, ...] = ()
    writes: tuple[Reference, ...] = ()
    imports: tuple[tuple[str, ...], ...] = ()
    owner: str = ""


class Contribution(Struct, frozen=True, array_like=True):
    """Something that a module does when it is imported.

    Attributes:
        unit: the unit that does it.
        writes: what it changes directly.
        called: the function that it calls, or is decorated with; empty if none. What that writes is changed too.
        is_decorated: whether the call is a decorator's. One that contributes to nothing has no effect of its own.
    """

    unit: str
    writes: tuple[Reference, ...]
    called: Reference
    is_decorated: bool


class ModuleSummary(Struct, frozen=True, array_like=True):
    """A module, as the linker sees it.

    Attributes:
        name: the module.
        package: the package that its relative imports start from, in parts.
        bound: each name with the targets of its imports; an empty target stands for a definition.
        stars: modules of which all names are imported.
        imports: all modules and names that it imports at its top level.
        units: what its names are bound to. Methods are called ``Class.method``, other statements ``<number>``.
        members: the methods and nested classes of each class.
        bases: the bases and the metaclass of each class.
        contributions: what is done when it is imported.
        loose: whether its statements without names count only where they contribute to something (a notebook's cells).
    """

    name: str
    package: tuple[str, ...]
    bound: dict[str, tuple[tuple[str, ...], ...]] = {}
    stars: tuple[tuple[str, ...], ...] = ()
    imports: tuple[tuple[str, ...], ...] = ()
    units: dict[str, CodeUnit] = {}
    members: dict[str, tuple[str, ...]] = {}
    bases: dict[str, tuple[Reference, ...]] = {}
    contributions: tuple[Contribution, ...] = ()
    loose: bool = False


def digest_of(text: str) -> str:
    """Return the digest of a text, as 24 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=CODE_DIGEST_SIZE).hexdigest()


def opaque_summary(name: str, content: bytes, mark: str) -> ModuleSummary:
    """The summary of a file whose code cannot be read, such as a compiled one: its bytes count as they are."""
    unit = CodeUnit(blake2b(content, digest_size=CODE_DIGEST_SIZE).hexdigest(), "", dynamic=(("mark", mark),))
    contribution = Contribution("<0>", (), (), is_decorated=False)
    return ModuleSummary(name, (), units={"<0>": unit}, contributions=(contribution,))
