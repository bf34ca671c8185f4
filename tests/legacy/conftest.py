"""``former_tasks`` under the name that it has for alexflow 1.1.4, too: names count in ids."""

import sys
import warnings
from pathlib import Path

HERE = str(Path(__file__).parent)

if HERE not in sys.path:
    sys.path.append(HERE)
with warnings.catch_warnings():
    import former_tasks  # noqa: F401  # its imports are those of 1.x
