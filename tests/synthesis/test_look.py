"""The levers of a photograph: each does what it is for, alone, and nothing where it is off."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from sanreid import params
from sanreid.runtime import rng
from sanreid.synthesis import clutter, crowd, people, photograph, render, scene, wardrobe, worn
from sanreid.synthesis.look import OFF, Look
from sanreid.synthesis.random_draws import PLACE, SLOTS, RandomDraws

ROOT = Path(__file__).resolve().parents[2]
HEIGHT = 96
DICE = RandomDraws(3, ("set", 1), ("set", 5, 0))


@pytest.fixture(scope="module")
def person():
    return people.make(0, "look", 2)


@pytest.fixture(scope="module")
def camera():
    """One without noise, which would hide what blurs."""
    return dataclasses.replace(scene.cameras("reid", 2, 1)[0], noise=0.0)


@pytest.fixture(scope="module", autouse=True)
def few_strangers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "PEOPLE", 2)
        crowd._strangers.cache_clear()
        yield
    crowd._strangers.cache_clear()


@pytest.fixture(scope="module")
def photographs():
    return params.load(ROOT / "profiles/look/photographs.yaml", "synthesize.look", Look)


def changed(part: str, **values) -> Look:
    """All levers off but those of one part."""
    whole = OFF.model_dump(mode="json")
    whole[part] |= values
    return params.validate(whole, Look, "look")


def seen(person, camera, look: Look = OFF, dice: RandomDraws = DICE) -> render.View:
    return render.view(person, camera, rng(7), height=HEIGHT, look=look, dice=dice, occluders=False)


def measured(picture: np.ndarray) -> dict[str, float]:
    value = picture.max(-1) / 255.0
    spread = (picture.max(-1).astype(float) - picture.min(-1)) / np.maximum(picture.max(-1), 1)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    detail = cv2.Laplacian(grey, cv2.CV_64F)
    return {
        "light": value.mean(),
        "contrast": value.std(),
        "colour": spread.mean(),
        "sharpness": detail.var(),
        "sides": np.concatenate([detail[:, :10], detail[:, -10:]], 1).var(),
    }


@pytest.mark.parametrize("profile", ["params.yaml", "profiles/demo.yaml", "profiles/paper.yaml"])
def test_every_lever_is_off_in_the_profiles(profile):
    assert params.load(ROOT / profile, "synthesize.look", Look) == OFF


def test_off_means_the_picture_of_before_whatever_the_dice(person, camera):
    view, other = seen(person, camera), seen(person, camera, dice=RandomDraws(4, ("x",), ("y",)))
    np.testing.assert_array_equal(view.image, other.image)
    assert view.jpeg_quality == camera.jpeg_quality
    # means of thirds of the picture before there were levers; half a level is for another processor's rounding
    small = cv2.resize(view.image.astype(np.float32), (3, 3), interpolation=cv2.INTER_AREA)[..., 1]
    np.testing.assert_allclose(small, GOLDEN, atol=0.5)


def test_every_lever_of_the_example_is_on(photographs):
    for name, part in photographs:
        for key, value in part:
            assert value != getattr(getattr(OFF, name), key), f"{name}.{key}"


def test_a_picture_with_all_levers_is_a_function_of_its_dice(person, camera, photographs):
    first, again = seen(person, camera, photographs), seen(person, camera, photographs)
    np.testing.assert_array_equal(first.image, again.image)
    assert first.jpeg_quality == again.jpeg_quality
    other = seen(person, camera, photographs, RandomDraws(3, ("set", 1), ("set", 5, 1)))
    assert other.image.shape != first.image.shape or (other.image != first.image).any()


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("photograph", {"exposure": [0.3, 0.6], "contrast": [0.15, 0.3], "sharpen": [1, 3], "noise": [0, 9]}),
        ("clutter", {"ground_share": 1, "behind_share": 1, "strength": [0.5, 1], "shadow_share": 1}),
        ("crowd", {"behind_share": 1, "at_most": 3}),
    ],
)
def test_box_and_texels_seen_stay_where_only_pixels_change(person, camera, part, values):
    plain, view = seen(person, camera), seen(person, camera, changed(part, **values))
    assert view.box == plain.box
    np.testing.assert_array_equal(view.texel_index, plain.texel_index)
    assert (view.image != plain.image).any()


def test_one_lever_leaves_the_draws_of_another(person, camera):
    noisy = changed("photograph", exposure=[0.2, 0.6])
    both = noisy.model_copy(update={"photograph": noisy.photograph.model_copy(update={"jpeg": (40, 90)})})
    np.testing.assert_array_equal(seen(person, camera, noisy).image, seen(person, camera, both).image)
    assert seen(person, camera, both).jpeg_quality != camera.jpeg_quality
    assert len(PLACE) == len(SLOTS), "a name stands there twice"


@pytest.mark.parametrize(
    ("values", "statistic", "factor"),
    [
        ({"sharpen": [3, 3]}, "sharpness", 2),
        ({"lens": [4, 4]}, "sharpness", -1.2),
        ({"noise": [30, 30]}, "sharpness", 1.5),
        ({"defocus": [3, 3]}, "sharpness", -1.5),
        ({"motion_share": 1, "motion": [6, 6]}, "sharpness", -1.1),
        ({"far_share": 1}, "sharpness", -1.2),
        ({"saturation": [2, 2]}, "colour", 1.4),
        ({"saturation": [0, 0]}, "colour", -1.4),
        ({"exposure": [0.6, 0.6]}, "light", 1.2),
        ({"exposure": [0.1, 0.1]}, "light", -1.5),
        ({"contrast": [0.3, 0.3]}, "contrast", 1.4),
    ],
)
def test_a_photograph_lever_moves_its_statistic(person, camera, values, statistic, factor):
    plain = measured(seen(person, camera).image)[statistic]
    other = measured(seen(person, camera, changed("photograph", **values)).image)[statistic]
    assert other > factor * plain if factor > 0 else -factor * other < plain


def test_exposure_and_contrast_reach_their_goals(person, camera):
    goals = changed("photograph", exposure=[0.45, 0.45], contrast=[0.2, 0.2])
    found = measured(seen(person, camera, goals).image)
    assert abs(found["light"] - 0.45) < 0.05
    assert abs(found["contrast"] - 0.2) < 0.04


def test_a_cast_moves_red_against_blue(person, camera):
    plain, cast = (seen(person, camera, look).image.mean((0, 1)) for look in (OFF, changed("photograph", cast=0.8)))
    assert abs(np.log(cast[0] / cast[2]) - np.log(plain[0] / plain[2])) > 0.1


def test_a_black_picture_stays_black():
    black = np.zeros((40, 20, 3), np.float32)
    look = changed("photograph", exposure=[0.5, 0.5], contrast=[0.3, 0.3], sharpen=[3, 3]).photograph
    own = {"gain": np.ones(3, np.float32), "curve": np.linspace(0, 1, 1025, dtype=np.float32)}
    out = photograph.develop(black, look, DICE, sigma=0.5, saturation=1.0, noise=0.0, person=40, **own)
    assert out.max() <= 10


def test_steady_pictures_take_their_cameras_value():
    one, two = (RandomDraws(0, ("set", 1), ("set", i)) for i in (1, 2))
    assert one.between("noise", (0, 9), 1.0) == two.between("noise", (0, 9), 1.0)
    assert one.between("noise", (0, 9), 0.0) != two.between("noise", (0, 9), 0.0)
    other = RandomDraws(0, ("set", 2), ("set", 1))
    assert one.between("noise", (0, 9), 1.0) != other.between("noise", (0, 9), 1.0)


def test_clutter_makes_surroundings_busy_and_a_shadow_darkens_them(person, camera):
    plain = seen(person, camera)
    busy = seen(person, camera, changed("clutter", ground_share=1, behind_share=1, strength=[1, 1]))
    assert measured(busy.image)["sides"] > 3 * measured(plain.image)["sides"]
    shadow = np.full((60, 40, 3), 0.5, np.float32)
    triangle = np.full((120, 80), -1, np.int32)
    triangle[20:110, 30:50] = 0
    clutter.cast_shadow(shadow, triangle, changed("clutter", shadow_share=1).clutter, DICE, 55.0, 45)
    assert shadow.min() < 0.4
    assert shadow.max() == np.float32(0.5)


def test_more_scenes_keep_the_first_ones_and_the_cameras():
    few, many = scene.cameras("pit", 0, 1)[0], scene.cameras("pit", 0, 1, scenes=3)[0]
    assert len(many.backdrops) == 3
    np.testing.assert_array_equal(few.backdrops[1].picture, many.backdrops[1].picture)
    assert (many.backdrops[2].picture != many.backdrops[1].picture).any()
    assert few.blur == many.blur


def test_a_street_is_greyer_and_wears_long_trousers():
    street = changed("worn", street=1).worn

    def statistics(p):
        drawn = [worn.restyle(wardrobe.draw(rng(i)), p, rng(i, "worn")) for i in range(200)]
        colours = np.array([outfit.upper.colour for outfit in drawn] + [outfit.lower.colour for outfit in drawn])
        return np.ptp(colours, axis=1).mean(), np.mean([outfit.lower_end > 0.25 for outfit in drawn])

    (vivid, short), (grey, bare) = statistics(OFF.worn), statistics(street)
    assert grey < 0.7 * vivid
    assert bare < 0.7 * short


def test_a_street_follows_its_look_alikes_and_its_labels():
    street = changed("worn", street=1).worn
    first = people.make(1, "look", 0, look_alike_share=1.0, dressed=street)
    second = people.make(1, "look", 1, look_alike_share=1.0, dressed=street)
    assert second.outfit.upper.colour == first.outfit.upper.colour
    assert second.outfit.upper.name == first.outfit.upper.name
    named = [k for k, v in first.attributes.items() if k.startswith("up") and k != "up" and v == 2]
    assert named in ([], [f"up{first.outfit.upper.name}"])


@pytest.mark.parametrize("values", [{"folds": 1}, {"weave": 0.1}, {"print_share": 1}])
def test_cloth_gets_detail_and_skin_none(person, values):
    detailed = people.make(0, "look", 2, dressed=changed("worn", **values).worn)
    assert detailed.attributes == person.attributes
    assert detailed.outfit == person.outfit
    difference = np.abs(detailed.texture - person.texture).max(-1)
    assert 0.005 < (difference > 0.02).mean() < 0.8
    again = people.make(0, "look", 2, dressed=changed("worn", **values).worn)
    np.testing.assert_array_equal(again.texture, detailed.texture)


def test_somebody_in_front_hides_texels(person, camera):
    plain, crowded = seen(person, camera), seen(person, camera, changed("crowd", before_share=1))
    assert 0.3 * len(plain.texel_index) < len(crowded.texel_index) < len(plain.texel_index)
    assert set(crowded.texel_index) < set(plain.texel_index)


def test_framing_leans_moves_and_lights(person, camera):
    plain = seen(person, camera)
    leaning = seen(person, camera, changed("framing", roll=10))
    assert leaning.box != plain.box
    below, above = (seen(person, camera, changed("framing", height=[h, h], distance=[4, 4])) for h in (0.5, 6))
    assert set(below.texel_index) != set(above.texel_index)
    sunny = seen(person, camera, changed("framing", sun_share=1))
    assert sunny.box == plain.box
    assert (sunny.image != plain.image).any()


@pytest.mark.parametrize(
    ("part", "values", "key"),
    [
        ("photograph", {"contrast": [0.3, 0.2]}, "contrast: 0.3 is above 0.2"),
        ("photograph", {"jpeg": [10, 90]}, "jpeg"),
        ("framing", {"height": [5, 1]}, r"height: 5.* is above 1"),
        ("worn", {"street": 1.2}, "street"),
        ("clutter", {"scenes": 1}, "scenes"),
        ("crowd", {"nobody": 1}, "nobody"),
    ],
)
def test_a_bad_value_names_its_key(part, values, key):
    with pytest.raises(params.ParamsError, match=key):
        changed(part, **values)


GOLDEN = ((95.0, 67.3, 97.4), (64.8, 30.6, 79.5), (54.1, 56.2, 61.7))
