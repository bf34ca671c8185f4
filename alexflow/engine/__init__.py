"""Where events meet instructions: ``Engine``, ``arun``, ``run``."""

from alexflow.engine.engine import Engine
from alexflow.engine.result import Result
from alexflow.engine.run import arun, run
from alexflow.engine.script import exit_code, main

__all__ = ["Engine", "Result", "arun", "exit_code", "main", "run"]
