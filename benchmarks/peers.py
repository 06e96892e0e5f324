"""torchreid (Zhou and Xiang 2019), the peer that installs from the registry: `make peers` puts it into .peers.

Decisions: the measured files are loaded one by one; the package's own __init__ asks for a dozen libraries that they do
not use. As installed, so without its Cython extension, which only a build by hand makes.
"""

import contextlib
import importlib.util
import io
import sys
import warnings
from pathlib import Path
from types import ModuleType

FOLDER = Path(".peers/torchreid/reid")


def torchreid(file: str) -> ModuleType | None:
    """The module in `file` (such as metrics/rank.py), or None where the peer is not installed."""
    path = FOLDER / file
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location(f"peer_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # that Cython is not there
        spec.loader.exec_module(module)
    return module
