"""The exit codes of scripts that end with ``alexflow.main``, and of the command ``alexflow``."""

EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, EXIT_INTERRUPTED = 0, 1, 2, 130
