"""The boundary to users' code.

A user's object may do anything in any hook: raise whatever there is, give what is no text, or a text without end. What
crosses this boundary is plain: an exact ``str`` that every encoder takes, of bounded size.
"""

from __future__ import annotations

#: Longer texts of users' objects (messages, representations, tracebacks) are cut, and both ends are kept.
MAX_TEXT = 64 * 1024  # characters


def class_name(cls: type) -> str:
    """``module.qualname``, without the module for what is built in."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def plain_text(text: str, limit: int = MAX_TEXT) -> str:
    """A text as an exact ``str`` of at most about ``limit`` characters, lone surrogates as backslash escapes.

    Escaping can lengthen a text, but not by more than six times, and only where it is made of surrogates.
    """
    if type(text) is not str:
        text = str.__str__(text)  # of a subclass, whose own __str__ may do anything
    if len(text) > limit:
        kept = limit // 2
        text = f"{text[:kept]} … {len(text) - 2 * kept:,} characters left out … {text[-kept:]}"
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def text_of(error: BaseException, limit: int = MAX_TEXT) -> str:
    """``str(error)`` as :func:`plain_text`, or why there is none."""
    try:
        return plain_text(str(error), limit)
    except BaseException as second:  # a __str__ of the user's that raises
        return f"<its str() raised {class_name(type(second))}>"


def repr_of(value: object, limit: int = MAX_TEXT) -> str:
    """``repr(value)`` as :func:`plain_text`, or why there is none."""
    try:
        return plain_text(repr(value), limit)
    except BaseException as second:  # a __repr__ of the user's that raises
        return f"<{class_name(type(value))}: its repr() raised {class_name(type(second))}>"
