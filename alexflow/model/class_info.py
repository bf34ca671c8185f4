"""``ClassInfo``: facts about a task or output class, worked out once per class.

They are kept on the class, not in a table, so that a class redefined in a notebook gets its own, and that they are
freed together with the class.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import sys
import types
from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import DefinitionError, IdentityError
from alexflow.frozen import FrozenFields, is_constructed_alike, is_generated
from alexflow.identity import ComputeNow, Pending, Unnamed, canonical, identified, module_name, packb
from alexflow.model.required import no_default

Values = Callable[[Any], tuple[Any, ...]]

#: From a task, and the list for nested tasks without an id, to the task's id.
IdRule = Callable[[Any, Pending], str | None]


class FieldInfo:
    """One field of a dataclass."""

    __slots__ = ("allows_none", "contract", "decode", "encode", "name", "secret")

    def __init__(
        self,
        name: str,
        allows_none: bool,
        contract: Callable[[Any], bool] | None,
        encode: Callable[[Any], Any] | None,
        decode: Callable[[Any], Any] | None,
        secret: bool,
    ):
        self.name = name
        self.allows_none = allows_none
        self.contract = contract
        self.encode = encode
        self.decode = decode
        self.secret = secret


class _Caching:
    """Give a class with slots a ``__dict__`` for its cached properties. (3.11 reads slots in a quarter of the time.)"""


class ClassInfo(_Caching):
    """Facts about a task or output class.

    Attributes:
        cls: the class itself; a subclass inherits the attribute, which is then not its own.
        name: ``module.qualname`` (or the pinned ``task_name``), the first part of an id.
        fields: the fields given to ``__init__``, in its order.
        values: a function from an instance to the values of its fields.
        significant: names of the fields that the id depends on, sorted.
        checked: names of the fields that a new instance is checked for: required, or never None.
        contracts: fields with a contract.
        identity_value: a function from an instance and a field's name to the value that enters the id.
        id_rule: a rule for ids other than that of spec "2"; it may give None for an instance, which means spec "2".
    """

    __slots__ = (
        *("cls", "name", "fields", "values", "significant", "checked", "contracts", "identity_value"),
        "id_rule",
    )

    def __init__(
        self,
        cls: type | None,
        name: str,
        fields: tuple[FieldInfo, ...],
        values: Values,
        significant: tuple[str, ...],
        checked: tuple[str, ...],
        contracts: tuple[FieldInfo, ...],
        identity_value: Callable[[Any, str], Any],
        id_rule: IdRule | None,
    ) -> None:  # by hand: @dataclass would take a millisecond of each import
        self.cls = cls
        self.name = name
        self.fields = fields
        self.values = values
        self.significant = significant
        self.checked = checked
        self.contracts = contracts
        self.identity_value = identity_value
        self.id_rule = id_rule

    @cached_property
    def significant_values(self) -> Values:
        """A function from an instance to the values that enter the id."""
        get, names = self.identity_value, self.significant
        return values_of(names) if get is getattr else lambda instance: tuple(get(instance, name) for name in names)

    @cached_property
    def unencoded(self) -> tuple[str, ...]:
        """Names of the significant fields whose value enters ids as it is: no secrets, and none with ``encode``."""
        fields = {field.name: field.metadata for field in dataclasses.fields(self.cls)}  # type: ignore[arg-type]
        changed = {name for name, metadata in fields.items() if metadata.get("encode") or metadata.get("secret")}
        return tuple(name for name in self.significant if name not in changed)

    @cached_property
    def defaults(self) -> dict[str, bytes]:
        """Canonical bytes of the defaults of significant fields, where a default has an identity."""
        fields = {field.name: field for field in dataclasses.fields(self.cls)}  # type: ignore[arg-type]
        defaults: dict[str, bytes] = {}
        for name in self.significant:
            value = _default(fields[name])
            if value is not no_default:
                with contextlib.suppress(IdentityError):
                    value = identified(value, fields[name], self.name)
                    defaults[name] = packb(canonical(value, ComputeNow()))
        return defaults

    @cached_property
    def floats(self) -> set[str]:
        """Names of significant fields that are annotated as a float, and not as an integer too; less the noted ones."""
        if self.cls is None:
            return set()
        fields = {field.name: field for field in dataclasses.fields(self.cls)}
        return {name for name in self.unencoded if _is_float(_resolve(fields[name].type, name, self.cls))}

    @cached_property
    def insignificant(self) -> dict[str, Callable[[Any], Any] | None]:
        """Names of the fields given to ``__init__`` that the id does not depend on, each with its ``encode``."""
        significant = set(self.significant)
        return {
            field.name: (lambda secret: Unnamed()) if field.secret else field.encode
            for field in self.fields
            if field.name not in significant
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of :attr:`fields`."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def made_by_factory(self) -> tuple[str, ...]:
        """Names of the significant fields that ``__init__`` fills by a factory: another instance may have other values.

        Fields that are not significant are caches, locks and the like: each instance, and each process, has its own.
        """
        return tuple(
            field.name
            for field in dataclasses.fields(self.cls)  # type: ignore[arg-type]
            if not field.init and field.default_factory is not dataclasses.MISSING and field.name in self.significant
        )

    @cached_property
    def default_construction(self) -> bool:
        """Whether an output class is constructed as :class:`Output` is, with nothing added."""
        if self.cls is None:
            return False
        base = self._base
        return is_constructed_alike(self.cls, base) and all(
            getattr(self.cls, name, None) is getattr(base, name, None) for name in ("__new__", "__post_init__")
        )

    @cached_property
    def rebuildable(self) -> bool:
        """Whether a task of this class can be rebuilt from the values of its fields and its id.

        No user code runs when such a task is made or its id is computed: the class has no ``__init__``,
        ``__post_init__``, ``encode`` or property of its own.
        """
        cls: Any = self.cls
        settled = ("__new__", "__post_init__", "__getattribute__", "task_id", "unwrapped")
        return (
            is_generated(inspect.unwrap(cls.__init__))
            and "__init__" in vars(cls)
            and (type(cls).__call__ is type.__call__ or type(cls).__module__ == "alexflow.model.function_task")
            and all(getattr(cls, name) is getattr(self._base, name) for name in settled)
            and not any(hasattr(inspect.getattr_static(cls, name, None), "__set__") for name in self.names)
            and all(field.init for field in dataclasses.fields(cls))
            and self.unencoded == self.significant
            and isinstance(cls.version, str | int | None)
            and self.id_rule is None
        )

    @cached_property
    def built(self) -> dict[str, tuple[Any, type[Any]]]:
        """Cache of ``build_output`` by key name: the last output class, with and without its type parameters.

        It holds classes with default construction only. The ids of a class's tasks differ in their digests alone, so
        a key name that is valid for one task is valid for all.
        """
        return {}

    @cached_property
    def keyword_defaults(self) -> tuple[Any, ...]:
        """The defaults of :attr:`keyword_only`."""
        return tuple(default for _, default in self.keyword_only)

    @cached_property
    def keyword_only(self) -> tuple[tuple[str, Any], ...]:
        """Name and default of the keyword-only fields, which are the last of :attr:`fields`."""
        return tuple((field.name, field.default) for field in dataclasses.fields(self.cls) if _by_keyword(field))  # type: ignore[arg-type]

    @cached_property
    def positional(self) -> int:
        """Number of fields that may be given by position, which are the first of :attr:`fields`."""
        return len(self.fields) - len(self.keyword_only)

    @cached_property
    def spare(self) -> int:
        """Number of trailing :attr:`fields` that are alexflow's own with the default None, so need not be sent.

        All other fields are sent, even at their defaults: the defaults of another process may differ.
        """
        cls: Any = self.cls
        ours = [vars(base)["__dataclass_fields__"] for base in cls.__mro__ if base.__module__ == "alexflow.model.task"]
        spare = 0
        for field in reversed([field for field in dataclasses.fields(cls) if _by_keyword(field)]):
            if field.default is not None or all(fields.get(field.name) is not field for fields in ours):
                break
            spare += 1
        return spare

    @property
    def _base(self) -> type[WithClassInfo]:
        """The class of alexflow that defines how an instance is made."""
        return next(cls for cls in self.cls.__mro__ if "__identified_by__" in vars(cls))  # type: ignore[union-attr]

    @cached_property
    def has_class_settings(self) -> bool:
        """Whether options, retry and tags are the same for all tasks of this class."""
        base = self._base
        return not any(hasattr(getattr(self.cls, name), "__get__") for name in ("options", "retry")) and getattr(
            self.cls, "tags", None
        ) is getattr(base, "tags", None)

    @cached_property
    def run_is_async(self) -> bool:
        """Whether the class's ``run`` is ``async def``."""
        return inspect.iscoroutinefunction(getattr(self.cls, "run", None))

    def field(self, name: str) -> FieldInfo:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)

    def __reduce__(self) -> tuple[Callable[[], ClassInfo], tuple[()]]:
        return _stale_class_info, ()  # for a class that is sent by value, the receiver works it out again


class WithClassInfo(FrozenFields):
    """Base of classes that have a :class:`ClassInfo`."""

    __class_info__: ClassVar[ClassInfo]

    #: Fields that the base class itself makes part of the identity (an output *is* its task and key).
    __identified_by__: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __check_class__(cls) -> None:
        """Refuse a class that cannot work as written; called once, when its :class:`ClassInfo` is made."""


class SourceTask(Protocol):
    """The part of a task that outputs and ids need. Every task implements it.

    Tasks give outputs, and outputs refer to their task; with this protocol the modules do not import each other.
    """

    __class_info__: ClassVar[ClassInfo]
    version: ClassVar[str | int | None]

    @property
    def task_id(self) -> str:
        """The task's id."""
        ...

    def known_id(self) -> str | None:
        """The id, if it has been computed."""
        ...

    def unwrapped(self) -> SourceTask:
        """The task whose id this one has."""
        ...


@blocks_briefly("once a class")
def class_info(cls: type[WithClassInfo]) -> ClassInfo:
    """The facts about ``cls``, worked out at first use, when the dataclass decorator has run."""
    info = cls.__class_info__
    if info.cls is not cls:
        info = _make_class_info(cls)
        cls.__class_info__ = info
    return info


def _make_class_info(cls: type[WithClassInfo]) -> ClassInfo:
    if "__dataclass_fields__" not in cls.__dict__ and declares_fields(cls):
        raise DefinitionError(
            f"{cls.__module__}.{cls.__qualname__} declares fields but is not a dataclass; "
            f"decorate it with @dataclass(frozen=True)"
        )
    for field in getattr(cls, "__dataclass_fields__", {}).values():
        if field._field_type is dataclasses._FIELD_INITVAR:  # type: ignore[attr-defined]  # there is no public way
            raise DefinitionError(
                f"{cls.__qualname__}.{field.name} is an InitVar: an instance does not keep it, so the id would not "
                f"depend on it, and the instance could not be made again; declare a field"
            )
    cls.__check_class__()
    fields = sorted((field for field in dataclasses.fields(cls) if field.init), key=_by_keyword)  # type: ignore[arg-type]
    infos = tuple(field_info(field, cls) for field in fields)
    name = getattr(cls, "task_name", None) or f"{module_name(cls.__module__)}.{cls.__qualname__}"
    id_rule = getattr(cls, "__id_rule__", None)
    secret = next((info.name for info in infos if info.secret), None)
    if id_rule is not None and secret is not None:
        raise DefinitionError(
            f"{cls.__qualname__}.{secret} is a secret, which ids of alexflow 1.x cannot hide; derive the class from "
            f"alexflow.Task"
        )
    significant = tuple(
        sorted(
            field.name
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
            if field.compare and field.name not in cls.__identified_by__
        )
    )
    return ClassInfo(
        cls=cls,
        name=name,
        fields=infos,
        values=values_of([info.name for info in infos]),
        significant=significant,
        checked=tuple(
            info.name
            for field, info in zip(fields, infos, strict=True)
            if field.default is no_default or not info.allows_none
        ),
        contracts=tuple(info for info in infos if info.contract is not None),
        identity_value=_identity_value(cls, significant, name),
        id_rule=id_rule,
    )


def _identity_value(cls: type, significant: tuple[str, ...], owner: str) -> Callable[[Any, str], Any]:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if not any(fields[name].metadata.get(key) for name in significant for key in ("encode", "secret")):
        return getattr
    return lambda instance, name: identified(getattr(instance, name), fields[name], owner)


def _by_keyword(field: dataclasses.Field[Any]) -> bool:
    return field.init and bool(field.kw_only)


def declares_fields(cls: type) -> bool:
    """Whether the class body itself annotates anything other than class variables."""
    annotations = inspect.get_annotations(cls).values()
    return any("ClassVar" not in str(annotation) for annotation in annotations)


def values_of(names: list[str] | tuple[str, ...]) -> Values:
    """A fast function from an instance to the tuple of these attributes."""
    if not names:
        return lambda instance: ()
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda instance: (get(instance),)
    return attrgetter(*names)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return no_default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _stale_class_info() -> ClassInfo:
    return STALE_CLASS_INFO


STALE_CLASS_INFO = ClassInfo(None, "", (), values_of(()), (), (), (), getattr, None)


def field_info(field: dataclasses.Field[Any], cls: type) -> FieldInfo:
    """The facts about one field of a dataclass, which need not be a task or output.

    Raises:
        DefinitionError: its metadata are incomplete.
    """
    metadata = field.metadata
    if metadata.get("encode") is not None and metadata.get("decode") is None:
        raise DefinitionError(f"{cls.__qualname__}.{field.name} has `encode` metadata but no `decode`")
    return FieldInfo(
        name=field.name,
        allows_none=field.default is None or _allows_none(_resolve(field.type, field.name, cls)),
        contract=metadata.get("contract"),
        encode=metadata.get("encode"),
        decode=metadata.get("decode"),
        secret=bool(metadata.get("secret")),
    )


def _resolve(annotation: Any, name: str, cls: type) -> Any:
    """The annotation as a type where it can be evaluated, else its text."""
    if not isinstance(annotation, str):
        return annotation
    owner = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
    module = sys.modules.get(owner.__module__)
    try:
        # as typing.get_type_hints does
        return eval(annotation, dict(vars(module)) if module else {}, dict(vars(owner)))
    except Exception:  # names that exist for type checkers only, or are local to a function
        return annotation


def _allows_none(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return any(word in annotation for word in ("None", "Optional", "Any", "object"))
    if annotation in (None, type(None), Any, object) or isinstance(annotation, TypeVar):
        return True
    origin = get_origin(annotation)
    if origin is Annotated:
        return _allows_none(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return any(_allows_none(arg) for arg in get_args(annotation))
    if hasattr(annotation, "__value__"):  # `type X = ...`
        return _allows_none(annotation.__value__)
    literals = get_args(annotation) if _is_literal(annotation) else ()
    return None in literals


def _is_float(annotation: Any) -> bool:
    """Whether a type is float, or float or None."""
    if get_origin(annotation) is Annotated:
        return _is_float(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return {arg for arg in get_args(annotation) if arg is not type(None)} == {float}
    return annotation is float or annotation == "float"


def _is_literal(annotation: Any) -> bool:
    return getattr(get_origin(annotation), "_name", None) == "Literal"
