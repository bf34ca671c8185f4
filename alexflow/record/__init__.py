"""The journal on disk: format, writer, reader. Synchronous, and independent of the events it holds."""
