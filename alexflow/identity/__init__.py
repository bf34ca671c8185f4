"""Parameters to canonical bytes to ids (docs/design/identity.md states the rule)."""

from alexflow.identity.canonical import Canonical, Pending, canonical, locate, packb
from alexflow.identity.digest import DIGEST_SIZE, ID_SPEC, task_digest
from alexflow.identity.names import main_module_name, module_name, qualified_name, set_main_module_name

__all__ = [
    "DIGEST_SIZE",
    "ID_SPEC",
    "Canonical",
    "Pending",
    "canonical",
    "locate",
    "main_module_name",
    "module_name",
    "packb",
    "qualified_name",
    "set_main_module_name",
    "task_digest",
]
