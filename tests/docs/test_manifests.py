"""The manifests that the documentation shows: they are YAML, fit each other, and give agents options that exist."""

from __future__ import annotations

from typing import Any

import pytest

from alexflow.cli.arguments import Parser
from alexflow.cluster.proof import TOKEN_VARIABLE
from tests.docs.test_pages import ROOT, blocks

MANIFESTS = [
    pytest.param("\n".join(block), id=f"{page.name}:{line}")
    for page in sorted((ROOT / "docs").rglob("*.md"))
    for line, block in blocks(page, "yaml")
]


def documents(text: str) -> list[Any]:
    return list(pytest.importorskip("yaml").safe_load_all(text))


@pytest.mark.parametrize("text", MANIFESTS)
def test_each_is_an_object_of_kubernetes(text: str) -> None:
    for found in documents(text):
        assert {"apiVersion", "kind", "metadata"} <= found.keys()


def test_agents_find_their_engine() -> None:
    (text,) = ["\n".join(block) for _, block in blocks(ROOT / "docs/clusters.md", "yaml")]
    found = {each["kind"]: each for each in documents(text)}
    service, secret = found["Service"], found["Secret"]
    agents, engine = found["Deployment"]["spec"]["template"], found["Job"]["spec"]["template"]
    (agent,), (container,) = agents["spec"]["containers"], engine["spec"]["containers"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == agents["metadata"]["labels"]
    assert service["spec"]["selector"] == engine["metadata"]["labels"]
    (port,) = service["spec"]["ports"]
    assert container["ports"] == [{"containerPort": port["targetPort"]}]
    assert agent["command"] == ["alexflow", "agent"]
    options = Parser("agent").parse_args(agent["args"])
    assert options.connect == f"{service['metadata']['name']}:{port['port']}"
    for template, each in ((agents, agent), (engine, container)):
        (variable,) = each["env"]
        key = variable["valueFrom"]["secretKeyRef"]
        assert (variable["name"], key["name"]) == (TOKEN_VARIABLE, secret["metadata"]["name"])
        assert key["key"] in secret["stringData"]
        (mount,), (volume,) = each["volumeMounts"], template["spec"]["volumes"]
        assert mount["name"] == volume["name"]
        assert all(path.startswith(mount["mountPath"]) for path in (options.tls_ca, options.tls_cert, options.tls_key))
