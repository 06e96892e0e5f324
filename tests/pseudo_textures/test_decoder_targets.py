"""Targets: a person's mean against a plain loop is in the stage's test; here, that kinds and generators agree."""

from typing import get_args

from sanreid.pseudo_textures import decoder_targets
from sanreid.training.san import Variant


def test_every_target_that_a_variant_may_name_has_a_source():
    named = set(get_args(Variant.model_fields["reconstruct"].annotation))
    assert named == {"nothing", "input", "true_texture"} | decoder_targets.GENERATED.keys()
