"""Modules that an engine and its worker processes both import: without an event loop."""
