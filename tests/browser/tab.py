"""A page in a browser, driven from a thread of its own, with all that went wrong on it.

Playwright's blocking interface keeps an event loop in the thread that uses it. In the thread of the tests it would be
taken for a user's: so each of its objects is used through a :class:`Remote`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

_PLAIN = (type(None), bool, int, float, str, bytes, dict, tuple)


class Remote:
    """An object of another thread: its attributes are read, and its methods called, there."""

    def __init__(self, target: Any, thread: ThreadPoolExecutor):
        self._target = target
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        return self._wrapped(self._thread.submit(getattr, self._target, name).result())

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._wrapped(self._thread.submit(self._target, *arguments, **keywords).result())

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._wrapped(each) for each in value]
        return value if isinstance(value, _PLAIN) else Remote(value, self._thread)


class Tab:
    """A page, and all that went wrong on it.

    Attributes:
        page: the page.
        problems: errors of scripts, lines on the console, dialogs.
        asked: URLs that it has asked for.
    """

    def __init__(self, page: Any):
        self.page = page
        self.problems: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", self._refuse)

    def _refuse(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.page.wait_for_selector("html[data-ready=yes]", state="attached")
