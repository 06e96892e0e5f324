"""Checkpoints of the released SAN code (`*.pth.tar`, Jin et al. 2020): read into our network, and written for theirs.

A file is a dict: `state_dict` (encoder), `decoder_state_dict`, `rank1` (a fraction), `epoch` (counted from 0).
Decisions: every tensor must be there, in its shape and float32, and nothing beside it, or the file is refused with the
whole list. Two things may be absent, and the log says so: the decoder (the network then has none; the feature does not
need it) and BatchNorm's counters, which files older than torch 0.4.1 lack and no number depends on (they become 0).
Opening a file executes nothing: `weights_only`, plus numpy's numbers, since `rank1` is one in the files that the
released code writes. A file is written with plain numbers and in torch's zip format (torch 1.6 and later read it).
"""

import math
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sanreid import runtime
from sanreid.models.san import SAN, Architecture

# resnet50_fc512 with ConvResDecoder; a test holds it equal to profiles/paper.yaml
ARCHITECTURE = Architecture(
    backbone="resnet50",
    width=64,
    last_stride=1,
    fc=512,
    height=256,
    width_px=128,
    texture=256,
    decoder_channels=(512, 256, 64, 32, 16),
    decoder_upsamples=4,
    pretrained="imagenet",
)
ENCODER, DECODER = "state_dict", "decoder_state_dict"
NOTES = ("rank1", "epoch")

_COUNTER = "num_batches_tracked"
_PREFIX = "module."  # left by DataParallel
_scalar = np.float32(0).__reduce__()[0]  # what a pickled numpy number is made with, under its old and its new name
_NUMBERS: list[Any] = [
    (_scalar, "numpy.core.multiarray.scalar"),
    (_scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    type(np.dtype(np.float32)),
    type(np.dtype(np.float64)),
]
_State = Mapping[str, Tensor]


class Checkpoint(NamedTuple):
    """A released file as a network, its rank-1 (a fraction) and its epoch (counted from 0), None where not given."""

    model: SAN
    rank1: float | None
    epoch: int | None


def load_released(path: Path) -> SAN:
    """The network of the released checkpoint `path`, in evaluation mode; without decoder if the file has none.

    Its number of people is the classifier's. Raises what `read` raises.
    """
    return read(path).model


def read(path: Path) -> Checkpoint:
    """The network of the released checkpoint `path` with its notes; the log says what was in it and what was not.

    Raises FileNotFoundError where there is no file; ValueError for a file that is damaged, holds code, has another
    layout, or whose tensors are not exactly those of the released network: then every name is listed.
    """
    path = Path(path)
    content = _open(path)
    _check_layout(path, content)
    theirs = {key: _bare(content[key]) for key in (ENCODER, DECODER) if key in content}
    with torch.device("meta"):  # shapes alone: takes no time and draws nothing from the random generator
        model = SAN(ARCHITECTURE, _people(theirs[ENCODER]), decoder=DECODER in theirs)
    if wrong := _differences(theirs, _states(model)):
        raise ValueError("\n  ".join([f"{path}: not the released network (resnet50_fc512, ConvResDecoder):", *wrong]))
    rank1, epoch = (_note(path, content, key) for key in NOTES)
    counters = 0
    for key, part in _parts(model).items():
        absent = {k: torch.zeros((), dtype=v.dtype) for k, v in part.state_dict().items() if k not in theirs[key]}
        part.load_state_dict({k: v.contiguous() for k, v in (theirs[key] | absent).items()}, assign=True)
        counters += len(absent)
    held = [f"{len(theirs[ENCODER])} tensors of the encoder for {model.encoder.classifier.out_features} people"]
    held.append(
        f"{len(theirs[DECODER])} of the decoder" if DECODER in theirs else f"no {DECODER}: features, no textures"
    )
    held += [f"rank-1 {_or_unknown(rank1)}", f"epoch {_or_unknown(epoch)} (counted from 0)"]
    if counters:
        held.append(f"{counters} counters {_COUNTER} are not in it and are 0 now, on which no number depends")
    runtime.log.info("%s: %s", path, "; ".join(held))
    return Checkpoint(model.eval(), rank1, None if epoch is None else int(epoch))


def save_released(model: SAN, path: Path, rank1: float = math.nan, epoch: int = -1) -> None:
    """Write `model` as the checkpoint `path` that the released code reads, whole or not at all.

    `rank1` is a fraction; `epoch` is counted from 0, and the released code resumes at the one after: -1 is none. The
    same model gives the same bytes. Raises ValueError naming each field in which the architecture is another;
    `pretrained` may be, since it decides a start and no layer. A model without decoder is written without; the log says
    so.
    """
    theirs, ours = ARCHITECTURE.model_dump(), model.architecture.model_dump()
    wrong = [f"{k} is {ours[k]}, not {v}" for k, v in theirs.items() if k != "pretrained" and ours[k] != v]
    states = _states(model)
    if not wrong:
        with torch.device("meta"):
            released = SAN(ARCHITECTURE, model.encoder.classifier.out_features, decoder=DECODER in states)
        wrong = _differences(states, _states(released))
    if wrong:
        raise ValueError(f"{path}: the released code has one network alone, which this is not: {'; '.join(wrong)}")
    content: dict[str, Any] = {
        key: {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in state.items()}
        for key, state in states.items()
    }
    content |= {"rank1": float(rank1), "epoch": int(epoch)}
    with runtime.atomic_file(path) as work, work.open("wb") as stream:  # a stream: a name would go into the bytes
        torch.save(content, stream)
    if DECODER not in content:
        runtime.log.info("%s: written without %s, since the model has no decoder", path, DECODER)


def _open(path: Path) -> Any:
    """What the file holds; nothing is executed."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; name a checkpoint of the released code, *.pth.tar")
    try:
        with path.open("rb") as stream, torch.serialization.safe_globals(_NUMBERS):
            return torch.load(stream, map_location="cpu", weights_only=True)
    except PermissionError:
        raise
    except Exception as error:  # the unpickler raises many kinds
        found = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if found is None:
            raise ValueError(
                f"{path}: not a file of torch.save, or a damaged one (cut off in a download?); get it again"
            ) from error
        raise ValueError(
            f"{path}: refused: it does not hold numbers alone but wants {found.group(1)}, as a network pickled whole "
            "by torch.save(model) does, and to open such a file is to execute code of its choice. If you trust it, "
            "write its numbers where the code that made it is installed:\n"
            f"  model = torch.load('{path.name}', map_location='cpu')  # from torch 2.6 on, also weights_only=False\n"
            "  torch.save({'state_dict': model.state_dict()}, 'weights.pth.tar')  # and, if you have the decoder: "
            "'decoder_state_dict': decoder.state_dict()"
        ) from error


def _check_layout(path: Path, content: Any) -> None:
    """Refuse what is not the released dict, as far as keys and kinds go."""
    if not isinstance(content, dict):
        raise ValueError(f"{path}: unknown layout: a {type(content).__name__}, not a dict with '{ENCODER}'")
    if content and all(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(
            f"{path}: a plain state dict ({len(content)} tensors), not a checkpoint; if it is the encoder's, "
            f"torch.save({{'{ENCODER}': torch.load('{path.name}')}}, 'weights.pth.tar') makes it one"
        )
    keys = (ENCODER, DECODER, *NOTES)
    wrong = [] if ENCODER in content else [f"'{ENCODER}' is missing"]
    wrong += [f"'{key}' is unexpected" for key in content if key not in keys]
    for key in (ENCODER, DECODER):
        state = content.get(key, {})
        if not isinstance(state, dict):
            wrong.append(f"'{key}' is a {type(state).__name__}, not a dict of tensors")
        else:
            named = {k: isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()}
            wrong += [f"'{key}' holds '{k}', no named tensor" for k, fits in named.items() if not fits]
    if wrong:
        raise ValueError(f"{path}: unknown layout: {'; '.join(wrong)}; released ones hold {', '.join(keys)}")


def _bare(state: _State) -> dict[str, Tensor]:
    """Without the prefix, if all names have it."""
    if state and all(name.startswith(_PREFIX) for name in state):
        return {name.removeprefix(_PREFIX): value for name, value in state.items()}
    return dict(state)


def _people(encoder: _State) -> int:
    """How many people the classifier knows; 1 where it cannot tell, which `_differences` then complains of."""
    for name, axes in (("classifier.weight", 2), ("classifier.bias", 1)):
        if name in encoder and encoder[name].ndim == axes and len(encoder[name]):
            return len(encoder[name])
    return 1


def _parts(model: SAN) -> dict[str, nn.Module]:
    """What of the model each released key holds."""
    parts: dict[str, nn.Module] = {ENCODER: model.encoder}
    return parts if model.decoder is None else {**parts, DECODER: model.decoder}


def _states(model: SAN) -> dict[str, dict[str, Tensor]]:
    """The model's state by the released keys; our names within them are the released ones."""
    return {key: part.state_dict() for key, part in _parts(model).items()}


def _differences(theirs: Mapping[str, _State], ours: Mapping[str, _State]) -> list[str]:
    """Everything in which `theirs` is not exactly `ours` by name, type and shape; absent counters are none."""
    result = []
    for key, wanted in ours.items():
        given = theirs[key]
        kinds = {
            "missing": [k for k in wanted if k not in given and not k.endswith(_COUNTER)],
            "unexpected": [k for k in given if k not in wanted],
            "of another shape": [
                f"{k} {_shape(given[k])} for {_shape(v)}"
                for k, v in wanted.items()
                if k in given and _shape(given[k]) != _shape(v)
            ],
        }
        result += [f"{key}: {kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
    return result


def _shape(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _note(path: Path, content: Mapping[str, Any], key: str) -> float | None:
    """The number under `key`; None where it is absent or stands for unknown (nan, or an epoch before the first)."""
    value = content.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float | np.floating):
        raise ValueError(f"{path}: unknown layout: '{key}' is {value!r}, not a number")
    return None if math.isnan(value) or value < 0 else float(value)


def _or_unknown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
