"""The engine: events meet instructions here. ``Engine``, ``arun``, ``run``, ``plan``."""

from alexflow.engine.engine import Engine
from alexflow.engine.main import exit_code, main
from alexflow.engine.planning import aplan, plan
from alexflow.engine.result import Result
from alexflow.engine.run import arun, run

__all__ = ["Engine", "Result", "aplan", "arun", "exit_code", "main", "plan", "run"]
