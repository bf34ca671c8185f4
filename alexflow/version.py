"""The version of alexflow."""

__version__ = "2.0.0.dev0"
