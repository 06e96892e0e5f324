"""Checkpoints as the released code writes them, from the specification's list of names alone: no line of ours is asked.

The encoder is torchvision's ResNet-50 with fc.0 (Linear), fc.1 (BatchNorm1d) and classifier; the decoder is
ConvResDecoder. `rank1` is a numpy float32, since theirs is an entry of a numpy array.
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def norm(name: str, channels: int) -> Shapes:
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{kind}": (channels,) for kind in kinds} | {f"{name}.num_batches_tracked": ()}


def encoder(people: int) -> Shapes:
    shapes: Shapes = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    entry = 64
    for stage, (planes, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for i in range(depth):
            block = f"layer{stage}.{i}"
            shapes |= {f"{block}.conv1.weight": (planes, entry, 1, 1), **norm(f"{block}.bn1", planes)}
            shapes |= {f"{block}.conv2.weight": (planes, planes, 3, 3), **norm(f"{block}.bn2", planes)}
            shapes |= {f"{block}.conv3.weight": (4 * planes, planes, 1, 1), **norm(f"{block}.bn3", 4 * planes)}
            if i == 0:
                shapes[f"{block}.downsample.0.weight"] = (4 * planes, entry, 1, 1)
                shapes |= norm(f"{block}.downsample.1", 4 * planes)
            entry = 4 * planes
    shapes |= {"fc.0.weight": (512, 2048), "fc.0.bias": (512,), **norm("fc.1", 512)}
    return shapes | {"classifier.weight": (people, 512), "classifier.bias": (people,)}


def decoder() -> Shapes:
    shapes: Shapes = {}
    one_by_one = {"embed_layer1": (256, 64), "embed_layer2": (512, 256), "embed_layer3": (1024, 512)}
    for name, (entry, out) in (one_by_one | {"reduce_dim": (2048, 512)}).items():
        shapes |= {f"{name}.0.weight": (out, entry, 1, 1), f"{name}.0.bias": (out,), **norm(f"{name}.1", out)}
    for i, (entry, out) in enumerate(((512, 256), (256, 64), (64, 32), (32, 16)), 1):
        for conv, bn in ((0, 1), (3, 4)):
            shapes[f"up{i}.res.res.{conv}.weight"] = (entry, entry, 3, 3)
            shapes |= norm(f"up{i}.res.res.{bn}", entry)
        shapes |= {f"up{i}.conv.2.weight": (out, entry, 3, 3), f"up{i}.conv.2.bias": (out,)}
    return shapes | {"final_layer.1.weight": (3, 16, 7, 7), "final_layer.1.bias": (3,)}


def draw(shapes: Shapes, seed: int) -> OrderedDict[str, Tensor]:
    """Random weights and statistics that keep activations near 1, so that 1e-4 means something."""
    g = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(seed + 1000)
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=g) + 0.5
        elif len(shape) > 1:
            state[name] = torch.randn(shape, generator=g) * torch.Size(shape[1:]).numel() ** -0.5
        else:
            ends_residual = name.endswith(("bn2.weight", "bn3.weight", "res.4.weight"))
            base = (0.4 if ends_residual else 1.0) if name.endswith("weight") else 0.0
            state[name] = base + 0.2 * torch.randn(shape, generator=g)
    return state


def hollow(shapes: Shapes) -> OrderedDict[str, Tensor]:
    """The same names and shapes, each tensor a single number repeated: a file of a few kilobytes."""
    state = OrderedDict()
    for name, shape in shapes.items():
        kind = torch.int64 if name.endswith("num_batches_tracked") else torch.float32
        state[name] = torch.ones((), dtype=kind).expand(shape)
    return state


def write(
    path: Path, state: dict[str, Tensor], decoder_state: dict[str, Tensor] | None, zipped=True, **changes
) -> Path:
    content = {"state_dict": state, "decoder_state_dict": decoder_state, "rank1": np.float32(0.8125), "epoch": 299}
    if decoder_state is None:
        del content["decoder_state_dict"]
    torch.save(content | changes, path, _use_new_zipfile_serialization=zipped)
    return path
