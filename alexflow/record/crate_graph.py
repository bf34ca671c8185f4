"""The metadata of an RO-Crate: entities of JSON-LD, each once, that refer to one another by their ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

#: The file that makes a directory a crate.
METADATA_FILE = "ro-crate-metadata.json"

_RO_CRATE = "https://w3id.org/ro/crate/1.1"
_WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_PROFILES = "https://w3id.org/ro/wfrun"
_PROFILES_VERSION = "0.5"

#: What the crate conforms to, by the names of the profiles.
_CONFORMS_TO = {
    "Process Run Crate": (f"{_PROFILES}/process/{_PROFILES_VERSION}", _PROFILES_VERSION),
    "Workflow Run Crate": (f"{_PROFILES}/workflow/{_PROFILES_VERSION}", _PROFILES_VERSION),
    "Provenance Run Crate": (f"{_PROFILES}/provenance/{_PROFILES_VERSION}", _PROFILES_VERSION),
    "Workflow RO-Crate": (_WORKFLOW_CRATE, "1.0"),
}

Entity = dict[str, Any]


class CrateGraph:
    """The entities of a crate."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}

    def add(self, id: str, type: str | list[str], **properties: Any) -> Entity:
        """Add an entity, if it is not there, and return it. Properties that are None or empty are left out."""
        entity = self._entities.get(id)
        if entity is None:
            stated = {name: value for name, value in properties.items() if value not in (None, "", [], ())}
            entity = self._entities[id] = {"@id": id, "@type": type, **stated}
        return entity

    def conforms(self) -> list[dict[str, str]]:
        """Add the profiles; return references to them."""
        for name, (id, version) in _CONFORMS_TO.items():
            self.add(id, "CreativeWork", name=name, version=version)
        return [{"@id": id} for id, _ in _CONFORMS_TO.values()]

    def document(self) -> dict[str, Any]:
        """Return the metadata as JSON-LD."""
        descriptor = {
            "@id": METADATA_FILE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": [{"@id": _RO_CRATE}, {"@id": _WORKFLOW_CRATE}],
        }
        context = [f"{_RO_CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
        return {"@context": context, "@graph": [descriptor, *map(_as_json, self._entities.values())]}


class _Links(dict[str, dict[str, str]]):
    """The entities that a property refers to, by id, each once."""


def _as_json(entity: Entity) -> Entity:
    """Return an entity as JSON-LD; a property with one value has no list around it, as is recommended."""
    stated = {name: [*value.values()] if isinstance(value, _Links) else value for name, value in entity.items()}
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in stated.items()}


def link(entity: Entity, name: str, to: Entity) -> None:
    """Let a property of an entity refer to another one, too."""
    entity.setdefault(name, _Links())[to["@id"]] = {"@id": to["@id"]}


def references(entities: Iterable[Entity]) -> list[dict[str, str]]:
    """Return references to entities."""
    return [{"@id": entity["@id"]} for entity in entities]


def file_id(path: str) -> str:
    """Return the id of a file of the crate."""
    return quote(path)


def fragment(*parts: str) -> str:
    """Return the id of something that is no file."""
    return "#" + "/".join(quote(part, safe=".:@+=,") for part in parts)
