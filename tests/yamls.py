"""YAML as DVC writes it, for parameter files in tests."""

import io
from typing import Any

from ruamel.yaml import YAML


def dump(values: Any) -> str:
    """`values` as a YAML 1.2 text."""
    stream = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(values, stream)
    return stream.getvalue()
