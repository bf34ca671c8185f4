"""The code of worker processes and of the fork server: without an event loop."""
