"""``python -m alexflow``: the command ``alexflow``."""

import sys

from alexflow.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
