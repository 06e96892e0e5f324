"""People: determinism, attributes that agree with what is drawn, look-alikes."""

import dataclasses

import numpy as np
import pytest

from sanreid.synthesis import body, people, pose, texels, texture, wardrobe
from sanreid.synthesis.garments import lower_reach, shoe_reach, upper_reach

COLOUR_NAMES = {
    "up": ["black", "white", "red", "purple", "yellow", "gray", "blue", "green"],
    "down": ["black", "white", "pink", "purple", "yellow", "gray", "blue", "green", "brown"],
}
NAMES = ["age", "backpack", "bag", "handbag", "clothes", "down", "up", "hair", "hat", "gender"]
NAMES += [part + name for part, names in COLOUR_NAMES.items() for name in names]


@pytest.fixture(scope="module")
def crowd():
    return [people.make(0, "crowd", i) for i in range(40)]


def test_a_person_depends_on_seed_set_and_index_alone(crowd):
    again = people.make(0, "crowd", 17)
    np.testing.assert_array_equal(again.texture, crowd[17].texture)
    assert again.outfit == crowd[17].outfit
    assert again.attributes == crowd[17].attributes
    np.testing.assert_array_equal(again.mesh().vertices, crowd[17].mesh().vertices)
    for other in (people.make(1, "crowd", 17), people.make(0, "other", 17), people.make(0, "crowd", 18)):
        assert np.abs(other.texture - again.texture).mean() > 0.01


def test_the_27_attributes_are_published_values(crowd):
    for person in crowd:
        assert list(person.attributes) == NAMES
        assert all(type(value) is int for value in person.attributes.values())
        assert 1 <= person.attributes["age"] <= 4
        assert all(value in (1, 2) for name, value in person.attributes.items() if name != "age")
        assert sum(v == 2 for k, v in person.attributes.items() if k.startswith("up") and k != "up") <= 1
        assert sum(v == 2 for k, v in person.attributes.items() if k.startswith("down") and k != "down") <= 1


def test_every_attribute_value_occurs():
    attributes = [people._attributes(people._outfit(0, "many", i, 0.0), FLAT) for i in range(800)]
    for name in NAMES:
        expected = {1, 2, 3, 4} if name == "age" else {1, 2}
        assert {a[name] for a in attributes} == expected, name
    green = np.mean([a["upgreen"] == 2 for a in attributes])
    assert 0.06 < green < 0.2


FLAT = texture.Painted(np.zeros((1, 1, 3), np.float32), 0.0, 0.0)


def test_colour_attributes_say_what_is_painted(crowd):
    """The median colour over the garment's texels is nearest to the named colour."""
    checked = 0
    names = list(wardrobe.COLOURS)
    for person in crowd:
        flat = person.texture[texels.texel_index()]
        inside = (upper_reach(texels.texels(), person.outfit) > 0.01) & (texels.texels().y > 0)
        chosen = [name for name in people.UPPER_COLOURS if person.attributes[f"up{name}"] == 2]
        if not chosen or person.outfit.upper.pattern != "plain":
            continue
        median = np.median(flat[inside], axis=0)
        assert np.abs(median - person.outfit.upper.colour).max() < 0.08
        nearest = min(names, key=lambda name: np.abs(median - wardrobe.COLOURS[name]).sum())
        checked += nearest == chosen[0]
    assert checked >= 8


def test_a_striped_garment_has_no_single_colour_and_a_print_has(crowd):
    base = dataclasses.replace(crowd[0].outfit, jacket=False, inner=None)
    for pattern, single in (("plain", True), ("print", True), ("zip", True), ("stripes", False), ("check", False)):
        upper = dataclasses.replace(base.upper, pattern=pattern, place=0.5)
        outfit = dataclasses.replace(base, upper=upper)
        painted = texture.paint(outfit, np.random.default_rng(0))
        values = [v for k, v in people._attributes(outfit, painted).items() if k.startswith("up") and k != "up"]
        assert (sum(values) > len(values)) == single, pattern


def test_accessories_fill_their_slots_and_only_then(crowd):
    for person in crowd:
        outfit = person.outfit
        worn = {
            "backpack": bool(outfit.backpack),
            "bag": bool(outfit.bag or outfit.handbag),
            "skirt": outfit.lower_kind != "trousers",
            "hair": outfit.hair == "long",
            "brim": bool(outfit.hat),
        }
        for slot, there in worn.items():
            top, bottom, left, right = body.slot_box(slot)
            empty = (person.texture[top:bottom, left:right] == texels.EMPTY).all()
            assert empty != there, slot
        on_mesh = np.zeros((256, 256), bool)
        on_mesh[person.mesh().texel_rows, person.mesh().texel_columns] = True
        for slot, there in worn.items():
            top, bottom, left, right = body.slot_box(slot)
            assert on_mesh[top + 1 : bottom - 1, left + 1 : right - 1].all() == there, slot


def test_texture_is_a_picture(crowd):
    for person in crowd[:5]:
        assert person.texture.shape == (256, 256, 3)
        assert person.texture.dtype == np.float32
        assert person.texture.min() >= 0
        assert person.texture.max() <= 1
        charts = body.texel_faces()[0] >= 0
        far = ~np.pad(charts, 4)[4:-4, 4:-4]
        assert np.isfinite(person.texture[far]).all()


def test_look_alikes_share_clothing_colours_and_differ_in_details():
    share = 0.5
    alike = [i for i in range(1, 60) if _same_colours(0, i, share)]
    assert 15 < len(alike) < 45
    assert not [i for i in range(1, 60) if _same_colours(0, i, 0.0)]
    differing = 0
    for i in alike:
        first, second = (people._outfit(0, "alike", j, share) for j in (i - 1, i))
        assert first.shoe != second.shoe
        differing += (first.upper.pattern, first.hair_colour) != (second.upper.pattern, second.hair_colour)
    assert differing > 0.8 * len(alike)


def _same_colours(seed, index, share):
    first, second = (people._outfit(seed, "alike", i, share) for i in (index - 1, index))
    return first.upper.colour == second.upper.colour and first.lower.colour == second.lower.colour


def test_wrong_share_of_look_alikes_is_refused():
    with pytest.raises(ValueError, match="look_alike_share"):
        people.make(0, "x", 0, look_alike_share=1.5)


def test_shape_keys_vary_the_body_and_are_kept(crowd):
    person = crowd[3]
    own, other = person.mesh(0), person.mesh(2)
    assert person.mesh(0) is own
    assert 0.002 < np.abs(np.ptp(own.vertices[:13000, 2]) - np.ptp(other.vertices[:13000, 2])) < 0.4
    np.testing.assert_array_equal(other.vertices, people.make(0, "crowd", 3).mesh(2).vertices)


def test_no_leg_is_left_in_a_skirt(crowd):
    skirted = next(p for p in crowd if p.outfit.lower_kind != "trousers")
    marks = texels.landmarks()
    surface, mesh = texels.vertices(), skirted.mesh()
    thigh = (surface.leg > 0.9) & (surface.z > marks.ankle + skirted.outfit.lower_end + 0.1) & (surface.z < marks.hip)
    assert thigh.sum() > 20
    assert not mesh.shown[: len(thigh)][thigh].any()
    trousers = next(p for p in crowd if p.outfit.lower_kind == "trousers")
    assert trousers.mesh().shown[: len(thigh)][thigh].all()


def test_shoes_cover_toes_and_stand_flat(crowd):
    surface = texels.texels()
    toes = (surface.foot > 0.5) & (surface.y < -0.12)
    assert toes.sum() > 50
    for person in crowd:
        assert (shoe_reach(surface, person.outfit)[toes] > 0).all()
    assert surface.height_shod[surface.foot > 0.5].min() < 0.002


def test_garments_meet_at_the_waist(crowd):
    """Nobody shows a bare belly: each texel of the trunk between chest and hip is covered."""
    surface, marks = texels.texels(), texels.landmarks()
    belly = (surface.arm < 0.1) & (surface.z < marks.waist + 0.15) & (surface.z > marks.hip)
    for person in crowd:
        reach = np.maximum(upper_reach(surface, person.outfit), lower_reach(surface, person.outfit))
        assert (reach[belly] > 0).all()


def test_hanging_bag_stays_below_the_hand(crowd):
    from sanreid.synthesis import figure

    carrier = next(p for i in range(200) if (p := people.make(0, "crowd", i)).attributes["handbag"] == 2)
    mesh, hanging = carrier.mesh(), len(body.model().bone_names)
    bag = mesh.bones[:, 0] == hanging
    hand = (texels.vertices().hand > 0.5) & (texels.vertices().x < 0)
    for seed in range(5):
        vertices, _ = figure.posed(mesh, pose.sample(np.random.default_rng(seed), carrier.limits(), "walk"))
        fingers = vertices[: len(hand)][hand]
        assert vertices[bag, 2].mean() < fingers[:, 2].mean()
        assert np.abs(vertices[bag, :2].mean(0) - fingers[:, :2].mean(0)).max() < 0.12
