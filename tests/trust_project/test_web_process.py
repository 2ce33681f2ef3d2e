"""What a process that answers requests carries: no statistics library, until one is asked for."""

from __future__ import annotations

import subprocess
import sys

from tests.trust_project.test_settings import GOOD
from trust_project.embedded.children import PROJECT

PROGRAM = """
import sys, django
django.setup()
import trust_project.urls
print(sorted({"numpy", "scipy", "pandas", "sklearn", "krippendorff"} & sys.modules.keys()))
"""


def test_a_web_process_starts_without_the_statistics() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=GOOD, cwd=PROJECT, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("['numpy']\n", "")
