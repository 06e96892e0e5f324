"""The floor of ImageNet's features: torchvision's names, and the last map at twice the resolution."""

import pytest
import torch
from torchvision import models

from sanreid.evaluation import imagenet


def test_weights_under_torchvisions_names_load_and_the_last_stride_is_one(tmp_path):
    torch.manual_seed(0)
    theirs = models.mobilenet_v2().eval()
    state = {k: v for k, v in theirs.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "m.pth")  # with the classifier, without counters
    net = imagenet.mobilenet(tmp_path / "m.pth").eval()
    with torch.inference_mode():
        picture = torch.rand(1, 3, 64, 32)
        assert net.features(picture).shape == (1, 1280, 4, 2)
        assert net(picture).shape == (1, 1280)
        assert torch.equal(net.features[:14](picture), theirs.features[:14](picture))
    with pytest.raises(FileNotFoundError, match="data/weights/README"):
        imagenet.mobilenet(tmp_path / "absent.pth")
    torch.save({"features.0.0.weight": torch.zeros(3)}, tmp_path / "m.pth")
    with pytest.raises(ValueError, match=r"m\.pth: not readable .*torchvision's mobilenet_v2"):
        imagenet.mobilenet(tmp_path / "m.pth")
