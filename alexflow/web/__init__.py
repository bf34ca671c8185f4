"""The live page: runs, their timelines, tasks and failures, from a storage's record; ``alexflow[web]``."""

from alexflow.web.application import app

__all__ = ["app"]
