"""What a person sees of a run in Prefect's UI: progress while training, metrics, pictures, the run's summary.

Decisions: everything shown is read from what a stage printed or from the files that dvc.yaml calls its outputs; no
stage is known here. Pictures travel inside the artifact, made small, since the browser cannot reach the worker's disk.
A result that was there before is shown once a server. What cannot be shown is a warning, never a failed stage.
"""

import base64
import json
import logging
import math
import re
import time
from collections.abc import Container, Iterator, Mapping
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from PIL import Image
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.states import State

from flows.dag import Stage

Log = logging.Logger | logging.LoggerAdapter

RESULTS = ("metrics", "pictures")  # what is shown of a stage that is done
PAGE = 200  # the most that the server lists at once
EVERY = 1.0  # seconds between updates of a progress bar
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
FEW = 40  # a folder with more pictures is a data set
SHOWN = 6  # of a folder's pictures, the last ones
WIDTH, BYTES = 1600, 400_000  # the largest that a picture is shown

EPOCH = re.compile(r"\bepoch (\d+)/(\d+)\b(?:.*?\b([\d:]+) left\b)?")


def key(kind: str, stage: Stage) -> str:
    """The name under which the UI keeps the versions of an artifact: lowercase letters, digits and dashes."""
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', stage.name.lower()).strip('-')}"


class Progress:
    """The bar of a stage that prints its epochs, made at the first of them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._id: UUID | None = None
        self._next = 0.0

    def read(self, line: str) -> None:
        """Move the bar if the line is of an epoch (`epoch 3/10 ... 0:01:10 left`)."""
        if (found := EPOCH.search(line)) is None:
            return
        done, total, left = int(found[1]), int(found[2]), found[3]
        if done < total and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        end = "done" if done >= total else f"{left} left" if left else "running"
        text = f"{self._stage.desc or self._stage.name} ({self._stage.name}): epoch {done} of {total}, {end}"
        share = 100 * done / max(total, 1)
        if self._id is None:
            self._id = cast(UUID, create_progress_artifact(share, key("progress", self._stage), text))
        else:
            update_progress_artifact(self._id, share, text)


def known() -> dict[str, UUID]:
    """The metrics and pictures that this server has: the latest of each key."""
    client = get_client(sync_client=True)
    found: dict[str, UUID] = {}
    for kind in RESULTS:
        wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(like_=f"{kind}-"))
        offset = 0
        while page := client.read_latest_artifacts(artifact_filter=wanted, limit=PAGE, offset=offset):
            found |= {artifact.key: artifact.latest_id for artifact in page if artifact.key}
            offset += len(page)
            if len(page) < PAGE:
                break
    return found


def publish(root: Path, stage: Stage, log: Log, present: Container[str] = ()) -> None:
    """Show a stage's metrics and pictures, except under the keys in `present`."""
    title = f"{stage.desc or stage.name} (`{stage.name}`)"
    try:
        if stage.metrics and key("metrics", stage) not in present and (rows := list(metrics(root, stage))):
            create_table_artifact(rows, key=key("metrics", stage), description=title)
        if key("pictures", stage) not in present and (text := "\n\n".join(pictures(root, stage))):
            create_markdown_artifact(text, key=key("pictures", stage), description=title)
    except Exception as error:
        log.warning("the results are in place, but cannot be shown: %s: %s", type(error).__name__, error)


def metrics(root: Path, stage: Stage) -> Iterator[dict[str, Any]]:
    """A row for each number in the stage's metrics files."""
    from dvc.utils.serialize import loads_yaml

    for file in stage.metrics:
        text = (root / file).read_text()
        for name, value in _leaves(json.loads(text) if file.endswith(".json") else loads_yaml(text)):
            shown = float(f"{value:.4g}") if isinstance(value, float) and math.isfinite(value) else value
            yield {"metric": name, "value": shown if isinstance(shown, int | float) else str(shown)}


def _leaves(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested mappings."""
    if not isinstance(values, Mapping):
        yield prefix, values
        return
    for name, value in values.items():
        yield from _leaves(value, f"{prefix}.{name}" if prefix else str(name))


def pictures(root: Path, stage: Stage) -> Iterator[str]:
    """The stage's pictures in Markdown: outputs that are one, and the last of folders that hold a few."""
    for out in stage.outs:
        path = root / out
        found = [path] if path.is_file() else path.rglob("*")
        files = sorted(islice((f for f in found if f.suffix.lower() in PICTURES), FEW + 1))
        if len(files) <= FEW:
            for file in files[-SHOWN:]:
                yield f"`{file.relative_to(root).as_posix()}`\n\n![{file.name}]({inline(file)})"


def inline(file: Path) -> str:
    """A picture as a data URI, made smaller until it is one that a browser likes."""
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    image.thumbnail((WIDTH, 8 * WIDTH))
    while True:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=82)
        if buffer.tell() <= BYTES:
            return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))


def summary(
    stages: Mapping[str, Stage],
    states: Mapping[str, State],
    seconds: Mapping[str, float],
    ui: str,
    present: Mapping[str, UUID],
) -> str:
    """The run's stages in Markdown: description, state, duration; where there is a UI, links to tasks and results.

    `present` are the results that are on the server, by key.
    """
    rows = ["| stage | what it does | state | time | results |", "| --- | --- | --- | ---: | --- |"]
    for name, state in states.items():
        stage, task = stages[name], state.state_details.task_run_id
        link = f"[{name}]({ui.rstrip('/')}/runs/task-run/{task})" if ui and task else f"`{name}`"
        keys = {kind: key(kind, stage) for kind in RESULTS}
        base = f"{ui.rstrip('/')}/artifacts/artifact"
        results = [f"[{kind}]({base}/{present[k]})" for kind, k in keys.items() if ui and k in present]
        cells = [link, _cell(stage.desc), str(state.name), duration(seconds.get(name, 0.0)), ", ".join(results)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
