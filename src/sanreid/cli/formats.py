"""A network as ONNX and as torch's exported program, each checked against the network before it takes its name.

Decisions: the torch file is torch.export's and not TorchScript, which torch has deprecated: it runs without this
package too (`torch.export.load(file).module()`). ONNX is written by torch's older exporter, which the locked torch 2.15
still has beside the newer one. Both were tried on the shipped network and on the demo's SAN with 1, 5 and 17 pictures:
either file is within 1e-6 of the network's features. The older exporter's uses opset 17, which older runtimes read, the
newer one's opset 20; and the newer one needs three packages more (onnxscript 0.7, onnx-ir, ml-dtypes). When torch drops
the older one, the call is `dynamo=True` with `dynamic_shapes`; the checks below stay. The only warnings silenced are
those that it is the older one; others are shown, such as that tracing fixed a value. Unit length is inside the graph,
the scaling of pixels outside: whoever decodes pictures on a GPU does it there. The metadata describes that, in both
files with the same words.
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from sanreid import runtime
from sanreid.data.tensors import IMAGE_MEAN, IMAGE_STD

if TYPE_CHECKING:
    from sanreid.api import Model

TOLERANCE = 1e-4  # of each number of a unit feature
BATCHES = (1, 5)  # that the file is tried on; neither is the one that it was traced with
TRACED = 2
OPSET = 17
NOTE = "preprocessing.json"


class Unit(nn.Module):
    """Pictures, scaled, (N, 3, H, W) to features (N, D) of unit length."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """As the class says."""
        return nn.functional.normalize(self.network(pictures).feature)


def preprocessing(model: "Model") -> dict[str, str]:
    """How a picture becomes the input, and what network it is; values are text, as ONNX's metadata wants."""
    height, width = model.image_size
    return {
        "name": model.name,
        "weights": model.digest(),
        "height": str(height),
        "width": str(width),
        "layout": "NCHW",
        "colour_order": "RGB",
        "mean": json.dumps(IMAGE_MEAN),
        "std": json.dumps(IMAGE_STD),
        "scale": "(value / 255 - mean) / std",
        "resize": "to height x width without keeping the shape; by area when smaller, bilinear when larger",
        "feature": f"{model.dimension} numbers of unit length: compare by the product (cosine)",
    }


def write_onnx(model: "Model", file: Path) -> float:
    """Write `file`; the largest difference to the network's features.

    Raises ValueError where onnx and onnxruntime are not installed, or the difference is above TOLERANCE.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'sanreid[onnx]'") from None
    unit = Unit(model.network.cpu()).eval()
    with runtime.atomic_file(file) as work:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that the exporter is the older one
            torch.onnx.export(
                unit,
                (_pictures(model, TRACED),),
                str(work),
                input_names=["pictures"],
                output_names=["feature"],
                dynamic_axes={"pictures": {0: "N"}, "feature": {0: "N"}},
                opset_version=OPSET,
                dynamo=False,
            )
        made = onnx.load(work)
        onnx.helper.set_model_props(made, preprocessing(model))
        onnx.checker.check_model(made)
        onnx.save(made, str(work))
        session = onnxruntime.InferenceSession(work.read_bytes(), providers=["CPUExecutionProvider"])
        return _difference(model, unit, file, lambda x: np.asarray(session.run(None, {"pictures": x.numpy()})[0]))


def write_torch(model: "Model", file: Path) -> float:
    """As `write_onnx`, for torch's exported program."""
    unit = Unit(model.network.cpu()).eval()
    with runtime.atomic_file(file) as work:
        dynamic = ({0: torch.export.Dim.DYNAMIC},)
        program = torch.export.export(unit, (_pictures(model, TRACED),), dynamic_shapes=dynamic)
        with work.open("wb") as stream:  # by name, torch wants the ending that a temporary name lacks
            torch.export.save(program, stream, extra_files={NOTE: json.dumps(preprocessing(model))})
        with work.open("rb") as stream:
            loaded = torch.export.load(stream).module()
        return _difference(model, unit, file, lambda x: loaded(x).detach().numpy())


def _pictures(model: "Model", count: int) -> Tensor:
    """`count` pictures of noise, scaled; the same each time."""
    return torch.randn(count, 3, *model.image_size, generator=torch.Generator().manual_seed(count))


def _difference(model: "Model", unit: nn.Module, file: Path, run: Callable[[Tensor], np.ndarray]) -> float:
    largest = 0.0
    for count in BATCHES:
        pictures = _pictures(model, count)
        with torch.inference_mode():
            want = unit(pictures).numpy()
        largest = max(largest, float(np.abs(run(pictures) - want).max()))
    if not largest <= TOLERANCE:  # nan is no match either
        raise ValueError(f"{file}: not written, its features differ by {largest:.1e} from the network's; update torch")
    return largest
