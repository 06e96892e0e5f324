"""How Prefect behaves in this clone: where its state lies, and that nothing reports home.

Decisions: these are environment variables, set before Prefect is imported and handed to every process that is started
here; what the user has set stays. The state (database, logs, results) lies in the clone's git-ignored runs/prefect. A
server, if one is to be used, is named by PREFECT_API_URL and by nothing else; without it a flow brings its own.
"""

import os
import sys
from pathlib import Path

CLONE = "SANREID_CLONE"  # where a worker's runs find the clone: prefect.yaml's pull step
STARTUP = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
ROOT = Path(__file__).resolve().parent.parent


def environment(root: Path = ROOT) -> dict[str, str]:
    """The environment of Prefect's processes in the clone `root`."""
    defaults = {
        "PREFECT_HOME": str(root / "runs" / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        STARTUP: "180",  # of the temporary server; Prefect's 20 are too few on a busy machine
        "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "false",  # the clone's .venv is what the lock file says
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # seconds; the least that Prefect takes
        "PREFECT_WORKER_QUERY_SECONDS": "3",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flows",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
        "DVC_NO_ANALYTICS": "1",
    }
    here = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath)
    paths = path if path.split(os.pathsep)[0] == here else os.pathsep.join([here, path])
    return {**defaults, **os.environ, CLONE: str(root), "PATH": paths}


def settle(root: Path = ROOT) -> None:
    """Give this process that environment; call it before Prefect is imported."""
    os.environ.update(environment(root))
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)  # Prefect makes no parents
