"""Parameters to canonical bytes to ids (docs/design/identity.md states the rule)."""

from alexflow.identity.canonical import (
    PLAIN,
    Canonical,
    ComputeNow,
    Pending,
    Unnamed,
    canonical,
    children,
    decimal_text,
    encoded,
    identified,
    is_dataclass,
    is_namedtuple,
    locate,
    packb,
)
from alexflow.identity.digest import DIGEST_SIZE, ID_SPEC, digest_of_preimage, preimage_of, task_digest
from alexflow.identity.library_values import dtype_text, fields_of_model, function_name, is_attrs, loaded
from alexflow.identity.names import (
    has_anothers_main,
    look_up,
    main_module_name,
    module_name,
    qualified_name,
    set_main_module_name,
)
from alexflow.identity.short_repr import SECRET_SHOWN, short_repr

__all__ = [
    "DIGEST_SIZE",
    "ID_SPEC",
    "PLAIN",
    "SECRET_SHOWN",
    "Canonical",
    "ComputeNow",
    "Pending",
    "Unnamed",
    "canonical",
    "children",
    "decimal_text",
    "digest_of_preimage",
    "dtype_text",
    "encoded",
    "fields_of_model",
    "function_name",
    "has_anothers_main",
    "identified",
    "is_attrs",
    "is_dataclass",
    "is_namedtuple",
    "loaded",
    "locate",
    "look_up",
    "main_module_name",
    "module_name",
    "packb",
    "preimage_of",
    "qualified_name",
    "set_main_module_name",
    "short_repr",
    "task_digest",
]
