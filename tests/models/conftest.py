"""Small and paper-scale architectures for the tests of this folder."""

import pytest
import torch

from sanreid.models.san import Architecture

SMALL = {
    "backbone": "resnet18",
    "width": 4,
    "last_stride": 1,
    "fc": 8,
    "height": 64,
    "width_px": 32,
    "texture": 64,
    "decoder_channels": (10, 8, 6, 5, 4),
    "decoder_upsamples": 4,
    "pretrained": "none",
}
PAPER = SMALL | {
    "backbone": "resnet50",
    "width": 64,
    "fc": 512,
    "height": 256,
    "width_px": 128,
    "texture": 256,
    "decoder_channels": (512, 256, 64, 32, 16),
}


@pytest.fixture
def architecture():
    """architecture(**changes) and architecture(paper=True)."""

    def make(paper: bool = False, **changes) -> Architecture:
        return Architecture.model_validate((PAPER if paper else SMALL) | changes)

    return make


@pytest.fixture
def stir():
    """Give every parameter and statistic a value that matters: a start of 0 or 1 would hide a wrong layer."""

    def make(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
        g = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in module.state_dict().items():
                if name.endswith("num_batches_tracked"):
                    continue
                if name.endswith("running_var"):
                    value.copy_(torch.rand(value.shape, generator=g) + 0.5)
                elif value.ndim > 1:
                    scale = (1.0 / value[0].numel()) ** 0.5  # keeps activations near 1, so that 1e-4 means something
                    value.copy_(torch.randn(value.shape, generator=g) * scale)
                else:
                    ends_residual = name.endswith(("bn2.weight", "bn3.weight", "res.4.weight"))
                    base = (0.4 if ends_residual else 1.0) if name.endswith("weight") else 0.0
                    value.copy_(base + 0.2 * torch.randn(value.shape, generator=g))
        return module

    return make
