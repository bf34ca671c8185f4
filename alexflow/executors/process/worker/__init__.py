"""What runs in worker processes and in the fork server: without an event loop."""
