"""Compiled functions are kept where they can be, and work where they cannot."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
from numba.core import caching
if {refused}:  # as where the source's folder and the user's cache are read-only
    caching.FunctionCache._impl_class._locator_classes = []
from sanreid.evaluation.open_world import kernels
from sanreid.compiled import njit
import place
print(place.twice(21), type(place.twice._cache).__name__)
"""
PLACE = """
from sanreid.compiled import njit

@njit(cache=True)
def twice(x):
    return 2 * x
"""


def printed(folder: Path, refused: bool) -> str:
    (folder / "place.py").write_text(PLACE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    code = CODE.format(refused=refused)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_it_works_whether_it_can_be_kept_or_not(tmp_path):
    assert printed(tmp_path, refused=False) == "42 FunctionCache"
    assert printed(tmp_path, refused=True) == "42 NullCache"
