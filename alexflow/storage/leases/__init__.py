"""Which engine may make which output, where several work on one storage."""
