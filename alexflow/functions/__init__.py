"""Function tasks: ``@alexflow.task``."""
