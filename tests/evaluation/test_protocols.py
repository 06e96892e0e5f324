"""The protocol is the table's: what it says, and that each is measured by its own function."""

import numpy as np
import pandas as pd
import pytest

from sanreid.data import index
from sanreid.evaluation import protocols, ranking
from sanreid.evaluation.ranking import Embeddings


def test_a_table_without_the_column_means_the_fields_rule():
    assert protocols.of(pd.DataFrame({"path": ["a"]})) == index.WHOLE_GALLERY
    rows = pd.DataFrame({"path": ["a", "b"], "protocol": [index.SINGLE_GALLERY_SHOT] * 2})
    assert protocols.of(rows) == index.SINGLE_GALLERY_SHOT


def test_each_protocol_gives_its_own_numbers():
    rng = np.random.default_rng(0)
    query = Embeddings(rng.normal(size=(10, 4)), np.arange(1, 11), np.ones(10, int))
    gallery = Embeddings(rng.normal(size=(40, 4)), np.tile(np.arange(1, 11), 4), np.full(40, 2))
    whole = protocols.evaluate(query, gallery, index.WHOLE_GALLERY, "cosine", 20, 6, 1)
    single = protocols.evaluate(query, gallery, index.SINGLE_GALLERY_SHOT, "cosine", 20, 6, 1)
    np.testing.assert_array_equal(whole.cmc, ranking.evaluate(query, gallery, "cosine", 20).cmc)
    np.testing.assert_array_equal(single.cmc, ranking.single_gallery_shot(query, gallery, "cosine", 20, 6, 1).cmc)
    assert single.rank(10) == pytest.approx(1)  # ten people, one image each
    assert whole.rank(10) < 1
