"""A hook of mkdocs: roles in docstrings (``:class:`Engine```) are shown as code."""

import re
from typing import Any

ROLE = re.compile(r":(?:class|meth|func|attr|data|mod):<code>~?([^<]*)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Called by mkdocs with each page."""
    return ROLE.sub(r"<code>\1</code>", html)
