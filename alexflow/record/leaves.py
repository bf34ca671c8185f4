"""The values in a document of fields, as texts for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from alexflow.identity import SECRET_SHOWN
from alexflow.record.fields import FORM_TAG, references_in


def leaves(fields: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each value in a document of fields under its path, as a text; references to other tasks are left out."""
    tagged = fields.get(FORM_TAG) if isinstance(fields, dict) else None
    if tagged in ("task", "output"):
        return
    if isinstance(fields, dict) and (tagged is None or "fields" in fields):
        for name, value in (fields if tagged is None else fields["fields"]).items():
            yield from leaves(value, f"{path}.{name}" if path else str(name))
        return
    items = fields.get("items") if tagged else fields
    if isinstance(items, list):
        if not items or any(True for each in items for _ in leaves(each, "x")):
            yield path, value_text(items)
        return
    yield path, value_text(fields)


def references(fields: Any, path: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each path in a document of fields under which it refers to outputs or tasks; those of a list together."""
    tagged = fields.get(FORM_TAG) if isinstance(fields, dict) else None
    if isinstance(fields, dict) and (tagged is None or (tagged not in ("task", "output") and "fields" in fields)):
        for name, value in (fields if tagged is None else fields["fields"]).items():
            yield from references(value, f"{path}.{name}" if path else str(name))
    elif found := list(references_in(fields)):
        yield path, found


def value_text(value: Any) -> str:
    """One value in a document of fields, as a text."""
    if isinstance(value, dict) and FORM_TAG in value:
        if value[FORM_TAG] == "secret":
            return SECRET_SHOWN
        if value[FORM_TAG] in ("task", "output"):
            return str(value.get("key") or value["id"])
        if "items" in value:
            return value_text(value["items"])
        if "fields" in value and "class" in value:
            parts = ", ".join(f"{name}={value_text(each)}" for name, each in value["fields"].items())
            return f"{re.split('[.:]', value['class'])[-1]}({parts})"
        return str(next((value[part] for part in ("name", "value", "digest") if part in value), value))
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {value_text(each)}' for name, each in value.items())}}}"
    return str(value)
