"""The published network as plain functions of a state dict, from the specification alone: the tests' reference.

It shares no line with the models: each layer is spelled by its released name.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


def norm(state: State, name: str, x: Tensor) -> Tensor:
    """BatchNorm in evaluation: running statistics, eps 1e-5."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, var = state[f"{name}.running_mean"].view(shape), state[f"{name}.running_var"].view(shape)
    return (x - mean) / torch.sqrt(var + 1e-5) * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)


def bottleneck(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    y = torch.relu(norm(state, f"{name}.bn1", F.conv2d(x, state[f"{name}.conv1.weight"])))
    y = torch.relu(norm(state, f"{name}.bn2", F.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=1)))
    y = norm(state, f"{name}.bn3", F.conv2d(y, state[f"{name}.conv3.weight"]))
    return torch.relu(y + shortcut(state, name, x, stride))


def basic(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    y = torch.relu(norm(state, f"{name}.bn1", F.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)))
    y = norm(state, f"{name}.bn2", F.conv2d(y, state[f"{name}.conv2.weight"], padding=1))
    return torch.relu(y + shortcut(state, name, x, stride))


def shortcut(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    if f"{name}.downsample.0.weight" not in state:
        return x
    return norm(state, f"{name}.downsample.1", F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride))


def encode(
    state: State, images: Tensor, depths: tuple[int, ...], last_stride: int
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Feature, logits and the four maps."""
    block = bottleneck if "layer1.0.conv3.weight" in state else basic
    x = torch.relu(norm(state, "bn1", F.conv2d(images, state["conv1.weight"], stride=2, padding=3)))
    x = F.max_pool2d(x, 3, 2, 1)
    maps = []
    for stage, (depth, stride) in enumerate(zip(depths, (1, 2, 2, last_stride), strict=True), 1):
        for i in range(depth):
            x = block(state, f"layer{stage}.{i}", x, stride if i == 0 else 1)
        maps.append(x)
    pooled = x.sum((2, 3)) / (x.shape[2] * x.shape[3])
    feature = torch.relu(norm(state, "fc.1", pooled @ state["fc.0.weight"].T + state["fc.0.bias"]))
    return feature, feature @ state["classifier.weight"].T + state["classifier.bias"], maps


def embed(state: State, name: str, x: Tensor) -> Tensor:
    return torch.relu(norm(state, f"{name}.1", F.conv2d(x, state[f"{name}.0.weight"], state[f"{name}.0.bias"])))


def up(state: State, name: str, x: Tensor, double: bool) -> Tensor:
    y = torch.relu(norm(state, f"{name}.res.res.1", F.conv2d(x, state[f"{name}.res.res.0.weight"], padding=1)))
    y = norm(state, f"{name}.res.res.4", F.conv2d(y, state[f"{name}.res.res.3.weight"], padding=1))
    x = torch.relu(x + y)
    if double:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return F.conv2d(
        F.pad(x, (1, 1, 1, 1), mode="reflect"), state[f"{name}.conv.2.weight"], state[f"{name}.conv.2.bias"]
    )


def decode(state: State, maps: list[Tensor], upsamples: int, texture: int) -> list[Tensor]:
    """x1..x4 and the texture."""
    l1, l2, l3, l4 = maps
    x1 = up(state, "up1", embed(state, "embed_layer3", l3) + embed(state, "reduce_dim", l4), True)
    x2 = up(state, "up2", embed(state, "embed_layer2", l2) + x1, True)
    x3 = up(state, "up3", embed(state, "embed_layer1", l1) + x2, True)
    x4 = up(state, "up4", x3, upsamples == 4)
    y = F.pad(x4, (3, 3, 3, 3), mode="reflect")
    y = F.conv2d(y, state["final_layer.1.weight"], state["final_layer.1.bias"])
    return [x1, x2, x3, x4, corners(y, texture)]


def corners(x: Tensor, size: int) -> Tensor:
    """Bilinear resize to (size, size) with the corner pixels on the corners, one axis at a time."""
    for axis in (2, 3):
        n = x.shape[axis]
        at = torch.arange(size, dtype=torch.float64) * (n - 1) / (size - 1)
        low = at.floor().long().clamp(max=n - 2)
        part = (at - low).to(x.dtype).view([-1 if a == axis else 1 for a in range(4)])
        x = x.index_select(axis, low) * (1 - part) + x.index_select(axis, low + 1) * part
    return x
