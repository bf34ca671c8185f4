"""Without luigi its door says what to install."""

import subprocess
import sys

import pytest


@pytest.mark.processes
def test_the_error_names_the_extra() -> None:
    program = "import sys; sys.modules['luigi'] = None; from alexflow.luigi import from_luigi"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert 'MissingLibrary: luigi is needed and not installed; pip install "alexflow[luigi]"' in done.stderr
