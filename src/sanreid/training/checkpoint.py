"""Checkpoints of running trainings, model folders of finished ones, and loading weights with a report.

Decisions: a checkpoint's folder is named by a hash of everything that determines the run (resolved parameters, content
of its inputs, code of the numerical packages), so that two runs never mix and a changed run starts from the beginning.
It is outside of the pipeline's outputs, because DVC removes those before a stage starts. Weights are safetensors;
loading returns a report of what matched and what did not. `load_released` and `save_released` can be called here but
are defined in released.py: no stage uses them, so an edit there must not make trainings stale.
"""

import hashlib
import importlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from sanreid import faults, locks, process_group, runtime
from sanreid.params import Section

if TYPE_CHECKING:
    from sanreid.training.released import load_released as load_released
    from sanreid.training.released import save_released as save_released

WEIGHTS = "weights.safetensors"
REPORT = "load_report.json"  # the starting weights of a training
STATE = "state.pt"  # torch.save's file, followed by its hash
SUM = "sha256"  # of the tensors, in the weights' metadata
HASH = 32  # bytes of a SHA-256
_PACKAGES = ("data", "losses", "models", "training")  # their code determines a run's numbers


def key(settings: Mapping[str, Any], files: Iterable[Path] = (), tensors: Iterable[torch.Tensor] = ()) -> str:
    """The key of a run: a hash of its settings, the content of its input files, decoded tensors, and numerical code.

    `settings` may contain sections, numbers and strings.
    """
    digest = hashlib.sha256(json.dumps(resolved(settings), sort_keys=True).encode())
    for file in files:
        digest.update(_hash(file.read_bytes()))
    for tensor in tensors:
        digest.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        for part in tensor.split(1024):  # bounds the copy that a permuted or memory-mapped tensor needs
            digest.update(part.contiguous().numpy().reshape(-1).view("uint8").data)
    here = Path(__file__).parent.parent
    for source in sorted(s for package in _PACKAGES for s in (here / package).rglob("*.py")):
        digest.update(_hash(source.read_bytes()))
    return digest.hexdigest()[:20]


def resolved(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` as plain JSON values: sections become dictionaries."""
    return {k: v.model_dump(mode="json") if isinstance(v, Section) else v for k, v in settings.items()}


def _hash(data: Any) -> bytes:
    return hashlib.sha256(data).digest()


def folder(run: str) -> Path:
    """Where the run with key `run` keeps its checkpoint: under $SANREID_CHECKPOINTS (default .checkpoints/)."""
    return Path(os.environ.get("SANREID_CHECKPOINTS", ".checkpoints")) / run


@contextmanager
def owned(run: str, name: str) -> Iterator[None]:
    """Lock the run's checkpoint for the block, which trains and saves the model.

    Another process that wants to train the same run waits, and logs `name` and the owner. The checkpoint is removed
    when the block ends without an error. Of several ranks, rank 0 holds the lock.
    """
    if not process_group.first():
        yield
        return
    place = folder(run)
    place.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(place, f"{name}: its checkpoint {place}"):
        yield
        discard(run)


def save_state(run: str, state: Mapping[str, Any]) -> None:
    """Write the state of a run in progress, completely or not at all, with a hash at the file's end.

    Of several ranks, which all have the state, rank 0 writes. Raises OSError if that fails.
    """
    if not process_group.first():
        return
    path = folder(run) / STATE
    with runtime.atomic_file(path) as work:
        try:
            torch.save(dict(state), work)
        except RuntimeError as error:  # torch's message for a full disk
            raise OSError(f"{path}: could not be written ({error}); is the disk full?") from error
        with work.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0, os.SEEK_END)
            file.write(digest)


def load_state(run: str, device: torch.device) -> dict[str, Any] | None:
    """The state of a run that was stopped, or None; read with `weights_only`, so that no code is executed.

    A damaged file is renamed, with a warning, and the run starts from the beginning.
    """
    path = folder(run) / STATE
    if not path.is_file():
        return None
    content, digest = (everything := path.read_bytes())[:-HASH], everything[-HASH:]
    if hashlib.sha256(content).digest() == digest:
        return torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    aside = path.with_name(f"{STATE}.damaged")
    path.replace(aside)
    runtime.log.warning("%s: damaged; set aside as %s, and the training begins anew", path, aside.name)
    return None


def discard(run: str) -> None:
    """Remove the checkpoint of a run whose output is in place."""
    shutil.rmtree(folder(run), ignore_errors=True)


def save_model(
    out: Path, model: nn.Module, settings: Mapping[str, Any], history: Path | None, only: Sequence[str] = ("",)
) -> None:
    """Write weights.safetensors, params.json (the resolved settings) and history.csv into the folder `out`.

    `history` is None for weights that were trained elsewhere. `only` are prefixes of the parameter names to save, if
    parts of the network were not trained.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items() if k.startswith(tuple(only))}
    try:
        save_file(state, out / WEIGHTS, metadata={SUM: _sum(state)})
    except SafetensorError as error:
        raise OSError(f"{out / WEIGHTS}: could not be written ({error}); is the disk full?") from error
    runtime.write_json(out / "params.json", resolved(settings))
    if history is not None:
        shutil.copyfile(history, out / "history.csv")


@dataclass(frozen=True)
class LoadReport:
    """The result of loading weights, as lists of parameter names.

    `matched` were loaded; `missing` are in the model but not in the file; `unexpected` are in the file but not in the
    model; `other_shape` are in both with different shapes. Of the names that were not asked for, `left_out` are in the
    file and `untouched` in the model.
    """

    source: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    other_shape: tuple[str, ...]
    left_out: tuple[str, ...]
    untouched: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything asked for was loaded, and the file has no other parameters with those prefixes."""
        return not (self.missing or self.unexpected or self.other_shape)

    def as_dict(self) -> dict[str, Any]:
        """For load_report.json."""
        return asdict(self)

    def __str__(self) -> str:
        """One line of counts, with the names of what went wrong."""
        counts = (
            f"{self.source}: {len(self.matched)} tensors loaded; not asked for: {len(self.left_out)} of the file, "
            f"{len(self.untouched)} of the network"
        )
        wrong = ("missing", "unexpected", "other_shape")
        details = [f"{kind.replace('_', ' ')}: {_some(names)}" for kind in wrong if (names := getattr(self, kind))]
        return "; ".join([counts, *details])


def _some(names: Sequence[str], shown: int = 12) -> str:
    """The first few of `names` and how many more there are, since another network may have hundreds."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def read_params(folder: Path, system: str, kind: str, stage: str, models: str) -> tuple[dict[str, Any], Path]:
    """The content of params.json of a model folder of `system`, and the file's path.

    `kind`, `stage` and `models` are for error messages: what such a model is called, which stage trains it, and its
    folder. Raises FileNotFoundError, or ValueError if the folder has another model.
    """
    file = folder / "params.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; name a folder of {stage}, {models}")
    record = runtime.read_json(file)
    if record.get("system") != system:
        raise ValueError(f"{file}: no {kind}; name a folder of {stage}")
    return record, file


def before(folder: Path) -> dict[str, Any]:
    """The starting weights of the training that made `folder`, as {"before": ...}; {} if they are not recorded."""
    file = folder / REPORT
    return {"before": runtime.read_json(file)} if file.is_file() else {}


def began_with(report: Mapping[str, Any]) -> list[Path]:
    """The file of ImageNet's weights that a load report names; it determines a run as its settings do."""
    return [Path(report["file"])] if "file" in report else []


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file by name.

    Raises ValueError naming it if it is damaged (`save_model` stores a hash), or a weight is not finite.
    """
    with faults.about(path, "run the stage that trains them again"):
        with safe_open(path, framework="pt") as file:
            noted = (file.metadata() or {}).get(SUM)
        state = load_file(path)
        if noted not in (None, _sum(state)):
            raise ValueError("damaged: its hash is another")
        for name, values in state.items():
            if values.is_floating_point() and not values.isfinite().all():
                raise ValueError(f"'{name}' holds nan or infinite numbers")
    return state


def _sum(state: Mapping[str, torch.Tensor]) -> str:
    """A hash of named tensors on the CPU."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(f"{name}{tuple(state[name].shape)}{state[name].dtype}".encode())
        digest.update(state[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_into(model: nn.Module, path: Path, only: Sequence[str] | None = None, strict: bool = False) -> LoadReport:
    """Copy the weights of file `path` into `model`: all, or those whose names begin with one of `only`.

    Returns a report; with `strict`, raises ValueError with the report unless everything asked for matched.
    Raises FileNotFoundError if there is no file, ValueError naming it if it is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no weights there; run the stage that trains them")
    theirs, ours = read_weights(path), model.state_dict()
    asked = theirs if only is None else {k: v for k, v in theirs.items() if k.startswith(tuple(only))}
    wanted = [k for k in ours if only is None or k.startswith(tuple(only))]
    matched = [k for k in wanted if k in asked and asked[k].shape == ours[k].shape]
    report = LoadReport(
        source=str(path),
        matched=tuple(matched),
        missing=tuple(k for k in wanted if k not in asked),
        unexpected=tuple(sorted(k for k in asked if k not in ours)),
        other_shape=tuple(
            f"{k} {list(asked[k].shape)} for {list(ours[k].shape)}"
            for k in wanted
            if k in asked and asked[k].shape != ours[k].shape
        ),
        left_out=tuple(sorted(theirs.keys() - asked.keys())),
        untouched=tuple(k for k in ours if only is not None and not k.startswith(tuple(only))),
    )
    if strict and not report.complete:
        raise ValueError(
            f"the weights do not fit the network: {report}; is section `san` the one they were trained with?"
        )
    model.load_state_dict({k: asked[k] for k in matched}, strict=False)
    return report


def __getattr__(name: str) -> Any:
    """`load_released` and `save_released`, imported when they are first used."""
    if name in ("load_released", "save_released"):
        return getattr(importlib.import_module("sanreid.training.released"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
