"""Extraction leaves order, mode and numbers alone; rows split by the table; impossible tables are refused."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from sanreid.data.tensors import normalise_images
from sanreid.evaluation import features


class Output(NamedTuple):
    feature: Tensor


class Probe(nn.Module):
    """Features that depend on the position in the picture, with batch norm and dropout to give away a training mode."""

    def __init__(self):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(3), nn.Dropout(0.5)

    def forward(self, x):
        assert not torch.is_grad_enabled()
        return Output(self.drop(self.norm(x))[:, :, 0, :].flatten(1))


@pytest.fixture
def images():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (7, 3, 4, 2), dtype=np.uint8))


def expected(images):
    return normalise_images(images)[:, :, 0, :].flatten(1) / np.sqrt(1 + 1e-5)


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_features_keep_the_images_order_for_any_batch(images, batch):
    model = Probe().train()
    result = features.extract(model, images, batch)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected(images), atol=1e-6)
    assert model.training
    assert model.norm.num_batches_tracked == 0


def test_flip_average_is_the_mean_with_the_mirror_image(images):
    result = features.extract(Probe(), images, 2, flip_average=True)
    np.testing.assert_allclose(result, (expected(images) + expected(images.flip(3))) / 2, atol=1e-6)


def test_unit_length_comes_after_the_mean(images):
    mean = features.extract(Probe(), images, 2, flip_average=True)
    result = features.extract(Probe(), images, 2, flip_average=True, l2=True)
    np.testing.assert_allclose(result, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-6)


def test_a_model_with_another_output_names_its_feature(images):
    result = features.extract(Probe(), images, 2, read=lambda output: 2 * output.feature)
    np.testing.assert_allclose(result, 2 * expected(images), atol=1e-6)


def test_no_images_is_an_error(images):
    with pytest.raises(ValueError, match="no images"):
        features.extract(Probe(), images[:0], 2)


def table(splits, camids):
    n = len(splits)
    paths = [f"images/{i}.png" for i in range(n)]
    rows = pd.DataFrame({"path": paths, "pid": range(10, 10 + n), "camid": camids, "split": splits})
    return rows.astype({"camid": "Int64"})


def test_rows_go_where_their_split_says():
    rows = features.retrieval_rows(table(["gallery", "train", "query", "gallery"], [1, 1, 2, 3]))
    query, gallery = features.split(np.arange(6).reshape(3, 2).astype(np.float32), rows)
    assert query.features.tolist() == [[2, 3]]
    assert gallery.features.tolist() == [[0, 1], [4, 5]]
    assert query.camids is not None
    assert (query.pids.tolist(), query.camids.tolist(), gallery.pids.tolist()) == ([12], [2], [10, 13])


def test_a_set_without_cameras_has_none_and_a_half_known_one_is_refused():
    data = np.zeros((2, 2), np.float32)
    query, gallery = features.split(data, table(["query", "gallery"], [None, None]))
    assert query.camids is None
    assert gallery.camids is None
    with pytest.raises(ValueError, match=r"images/1\.png: camid is missing"):
        features.split(data, table(["query", "gallery"], [1, None]))
    with pytest.raises(ValueError, match="2 features for 3 rows"):
        features.split(data, table(["query", "gallery", "gallery"], [1, 2, 3]))
    with pytest.raises(ValueError, match="no rows of split 'query'"):
        features.retrieval_rows(table(["gallery", "train"], [1, 2]))


def test_the_cpu_computes_in_float32_whatever_is_asked_for(images):
    probe = Probe()
    plain = features.extract(probe, images, 2)
    np.testing.assert_array_equal(features.extract(probe, images, 2, precision="bfloat16"), plain)
    assert plain.dtype == np.float32
