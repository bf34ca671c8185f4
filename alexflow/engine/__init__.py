"""The engine: events meet instructions here. ``Engine``, ``arun``, ``run``."""

from alexflow.engine.engine import Engine
from alexflow.engine.main import exit_code, main
from alexflow.engine.result import Result
from alexflow.engine.run import arun, run

__all__ = ["Engine", "Result", "arun", "exit_code", "main", "run"]
