"""Attributes: both public forms, the 12 heads and the weights, by hand and on the real file."""

import csv

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
from PIL import Image

from sanreid.data import attributes, index

HEADER: str = (  # word by word from the published file
    "id,age,backpack,bag,handbag,clothes,down,up,hair,hat,gender,upblack,upwhite,upred,uppurple,upyellow,upgray,"
    "upblue,upgreen,downblack,downwhite,downpink,downpurple,downyellow,downgray,downblue,downgreen,downbrown"
)
CSV_HEADER: list[str] = HEADER.split(",")


def values(**given):
    """An unremarkable person: everything 1, adult, black over blue."""
    return dict.fromkeys(CSV_HEADER[1:], 1) | {"age": 3, "upblack": 2, "downblue": 2} | given


def write_mat(path, train, test, train_order=None):
    """`train` and `test`: {person: values}; the two structs list their fields in different orders, as published."""
    sides = {}
    for side, people in (("train", train), ("test", test)):
        order = CSV_HEADER[1:] if side == "test" else train_order or CSV_HEADER[:0:-1]
        struct = {name: np.array([p[name] for p in people.values()], np.uint8)[None] for name in order}
        ids = np.empty((1, len(people)), dtype=object)
        ids[0] = [f"{pid:04d}" if isinstance(pid, int) else pid for pid in people]
        sides[side] = struct | {"image_index": ids}
    scipy.io.savemat(path, {"market_attribute": {"test": sides["test"], "train": sides["train"]}})


def write_csv(path, people, header=None):
    header = header or CSV_HEADER
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        for pid, person in people.items():
            writer.writerow({"id": pid} | {name: person[name] for name in header if name != "id"})


PEOPLE = {
    2: values(hat=2, gender=2),
    7: values(age=1, upblack=1, upgreen=2),
    10: values(up=2, downblue=1),
}


def test_the_mat_is_read_by_field_name(tmp_path):
    write_mat(tmp_path / "m.mat", PEOPLE, {1: values(bag=2), 3: values(age=4)})
    people = attributes.people(tmp_path / "m.mat")
    assert [(p.pid, p.side) for p in people] == [(2, "train"), (7, "train"), (10, "train"), (1, "test"), (3, "test")]
    assert [p.fields for p in people] == [*PEOPLE.values(), values(bag=2), values(age=4)]


def test_the_csv_says_the_same_in_any_column_order(tmp_path):
    write_csv(tmp_path / "a.csv", PEOPLE)
    write_csv(tmp_path / "b.csv", PEOPLE, header=CSV_HEADER[::-1])
    write_mat(tmp_path / "m.mat", PEOPLE, {1: values()})
    expected = [p for p in attributes.people(tmp_path / "m.mat") if p.side == "train"]
    assert attributes.people(tmp_path / "a.csv") == attributes.people(tmp_path / "b.csv") == expected


def test_the_csv_with_multicolor_columns(tmp_path):
    header = list(CSV_HEADER)
    header.insert(header.index("upblack"), "upmulticolor")
    header.insert(header.index("downblack"), "downmulticolor")
    people = {
        1: values(upmulticolor=1, downmulticolor=1),
        2: values(upmulticolor=2, upblack=1, downmulticolor=1),
        3: values(upmulticolor=1, downmulticolor=2, downblue=1),
    }
    write_csv(tmp_path / "a.csv", people, header)
    found = [attributes.heads(p.fields, "") for p in attributes.people(tmp_path / "a.csv")]
    assert [(h["up_color"], h["down_color"]) for h in found] == [(1, 7), (0, 7), (1, 0)]


def test_heads_are_zero_based_and_in_the_publishers_words():
    heads = attributes.heads(values(hat=2, hair=2, clothes=2, age=4), "")
    named = {head: attributes.HEADS[head][value] for head, value in heads.items()}
    assert named == {
        "age": "old",
        "backpack": "no",
        "bag": "no",
        "handbag": "no",
        "clothes": "pants",
        "down": "long",
        "up": "long",
        "hair": "long",
        "hat": "yes",
        "gender": "male",
        "up_color": "black",
        "down_color": "blue",
    }
    assert len(attributes.HEADS) == 12
    assert (len(attributes.HEADS["up_color"]), len(attributes.HEADS["down_color"])) == (9, 10)


def test_no_colour_is_multicolour():
    heads = attributes.heads(values(upblack=1, downblue=1), "")
    assert (heads["up_color"], heads["down_color"]) == (0, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age": 5}, "age is 5; known values are 1 to 4"),
        ({"age": 0}, "age is 0"),
        ({"hat": 3}, "hat is 3; known values are 1 to 2"),
        ({"downpurple": 0}, "downpurple is 0"),
        ({"upred": 2}, r"up colours \['black', 'red'\]"),
        ({"upmulticolor": 2}, r"up colours \['black'\], upmulticolor is 2"),
        ({"upmulticolor": 1, "upblack": 1}, r"up colours \[\], upmulticolor is 1"),
        ({"downmulticolor": 3}, "downmulticolor is 3"),
    ],
)
def test_unknown_values_are_named(change, words):
    with pytest.raises(ValueError, match="someone: " + words):
        attributes.heads(values(**change), "someone")


def test_unknown_values_name_the_person_or_the_line(tmp_path):
    people = PEOPLE | {11: values(age=9)}
    write_csv(tmp_path / "a.csv", people)
    with pytest.raises(ValueError, match=r"a\.csv:5: age is 9"):
        attributes.people(tmp_path / "a.csv")
    write_mat(tmp_path / "m.mat", people, {1: values()})
    with pytest.raises(ValueError, match=r"m\.mat: train: person 0011: age is 9"):
        attributes.people(tmp_path / "m.mat")


def test_a_person_listed_twice_is_named(tmp_path):
    write_mat(tmp_path / "m.mat", PEOPLE, {7: values()})
    with pytest.raises(ValueError, match=r"person 0007 is listed twice \(in train, test\)"):
        attributes.people(tmp_path / "m.mat")
    write_csv(tmp_path / "a.csv", {"7": values(), "0007": values()})
    with pytest.raises(ValueError, match="person 0007 is listed twice"):
        attributes.people(tmp_path / "a.csv")


def test_malformed_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.mat: not found"):
        attributes.people(tmp_path / "none.mat")
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(ValueError, match=r"x\.txt: neither"):
        attributes.people(tmp_path / "x.txt")
    write_mat(tmp_path / "m.mat", PEOPLE, {1: values()})
    whole = (tmp_path / "m.mat").read_bytes()
    (tmp_path / "cut.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.mat: not a readable MAT v5"):
        attributes.people(tmp_path / "cut.mat")
    scipy.io.savemat(tmp_path / "other.mat", {"x": 1})
    with pytest.raises(ValueError, match="no struct 'market_attribute'"):
        attributes.people(tmp_path / "other.mat")
    write_mat(tmp_path / "few.mat", PEOPLE, {1: values()}, train_order=CSV_HEADER[1:-1])
    with pytest.raises(ValueError, match=r"few\.mat: train: fields \['downbrown'\]"):
        attributes.people(tmp_path / "few.mat")
    write_mat(tmp_path / "ids.mat", {"12": values()}, {1: values()})
    with pytest.raises(ValueError, match="person '12' is not a 4-digit number"):
        attributes.people(tmp_path / "ids.mat")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",".join(CSV_HEADER[:-1]) + "\n", r"a\.csv:1: columns \['downbrown'\]"),
        (",".join([*CSV_HEADER, "shoes"]) + "\n", r"a\.csv:1: columns \['shoes'\]"),
        (",".join([*CSV_HEADER, "age"]) + "\n", r"a\.csv:1: columns"),
        (",".join([*CSV_HEADER, "upmulticolor"]) + "\n", r"\['upmulticolor'\]"),
        ("", r"a\.csv:1: columns"),
        (",".join(CSV_HEADER) + "\n1,3,x" + ",1" * 25 + "\n", r"a\.csv:2: backpack is 'x', not a number"),
        (",".join(CSV_HEADER) + "\n1,3" + ",1" * 20 + "\n", r"a\.csv:2: .* is None, not a number"),
        (",".join(CSV_HEADER) + "\n1,3" + ",1" * 40 + "\n", r"a\.csv:2: more values than columns"),
    ],
)
def test_malformed_csvs_name_the_line(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        attributes.people(tmp_path / "a.csv")


ROW = "1,3" + ",1" * 9 + ",2" + ",1" * 13 + ",2" + ",1" * 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((",".join(CSV_HEADER) + "\n" + ROW).encode("utf-16"), r"a\.csv: is in UTF-16; save it as UTF-8 .*comma"),
        (
            (",".join(CSV_HEADER) + "\n" + ROW).encode("utf-16-le"),
            r"a\.csv: is in UTF-16; save it as UTF-8 .*comma",
        ),
        (
            (",".join(CSV_HEADER) + "\n\xfc," + ROW[2:]).encode("latin-1"),
            r"a\.csv: line 2: is not UTF-8 .*save it",
        ),
        (
            (";".join(CSV_HEADER) + "\n").encode(),
            r"a\.csv:1: has ';' between the columns; save it as UTF-8 .*comma",
        ),
        (("\t".join(CSV_HEADER) + "\n").encode(), r"a\.csv:1: has '\\t' between the columns"),
        ((",".join(CSV_HEADER) + "\n" + "9" * 200_000 + ROW[1:]).encode(), r"a\.csv:2: not a line of a CSV"),
        (("x" * 200_000 + ",".join(CSV_HEADER)).encode(), r"a\.csv:1: not a line of a CSV"),
        (
            (",".join(CSV_HEADER) + "\n" + ROW.replace("1,3", "1,1_0", 1)).encode(),
            r"a\.csv:2: age is '1_0', not a number",
        ),
        (
            (",".join(CSV_HEADER) + "\n" + ROW.replace("1,3", "1,\u00b2", 1)).encode(),
            r"a\.csv:2: age is '\u00b2', not a",
        ),
        (
            (",".join(CSV_HEADER) + "\n" + ROW.replace("1,3", "1,nan", 1)).encode(),
            r"a\.csv:2: age is 'nan', not a number",
        ),
        (
            (",".join(CSV_HEADER) + "\n" + ROW.replace("1,3", "1,3.0", 1)).encode(),
            r"a\.csv:2: age is '3\.0', not a number",
        ),
        ((",".join(CSV_HEADER) + "\n" + ROW.replace("1,3", "1,-3", 1)).encode(), r"a\.csv:2: age is -3; known values"),
        (
            (",".join(CSV_HEADER) + "\n" + ROW.replace("1,3", "1" * 30 + ",3", 1)).encode(),
            r"a\.csv:2: id '1{30}' is no",
        ),
        (
            (",".join(CSV_HEADER) + "\n" + ROW.replace(",3", "," + "3" * 9000, 1)).encode(),
            r"a\.csv:2: age is '3+ \.\.\. 3+'",
        ),
    ],
)
def test_other_encodings_and_numbers_of_a_csv_are_named_with_the_remedy(tmp_path, content, words):
    (tmp_path / "a.csv").write_text(",".join(CSV_HEADER) + "\n" + ROW)
    assert len(attributes.people(tmp_path / "a.csv")) == 1
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        attributes.people(tmp_path / "a.csv")
    assert len(str(caught.value)) < 700


def test_a_bom_is_no_part_of_the_csv(tmp_path):
    (tmp_path / "a.csv").write_text(",".join(CSV_HEADER) + "\r\n" + ROW, encoding="utf-8-sig")
    assert [p.pid for p in attributes.people(tmp_path / "a.csv")] == [1]


@pytest.mark.parametrize("value", [1.5, np.nan, np.inf, 1e300])
def test_numbers_of_the_mat_are_whole_and_finite(tmp_path, value):
    write_mat(tmp_path / "m.mat", PEOPLE, {1: values()})
    sides = scipy.io.loadmat(tmp_path / "m.mat", simplify_cells=True)["market_attribute"]
    sides["train"]["hat"] = np.array([1, value, 1.0])
    for side in sides.values():
        side["image_index"] = np.atleast_1d(np.array(side["image_index"], dtype=object))
    scipy.io.savemat(tmp_path / "m.mat", {"market_attribute": sides})
    with pytest.raises(ValueError, match=r"m\.mat: train: hat holds .*whole numbers"):
        attributes.people(tmp_path / "m.mat")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"market_attribute": 1.0}, "market_attribute has no 'train'"),
        ({"market_attribute": {"train": 1.0, "test": 1.0}}, "market_attribute has no 'train'"),
        ({"market_attribute": np.array([[1, "x"]], dtype=object)}, "market_attribute has no 'train'"),
        ({"market_attribute": {"test": {"age": 1.0}}}, "market_attribute has no 'train'"),
    ],
)
def test_structs_of_another_shape_are_named(tmp_path, content, words):
    scipy.io.savemat(tmp_path / "m.mat", content)
    with pytest.raises(ValueError, match=rf"m\.mat: {words}"):
        attributes.people(tmp_path / "m.mat")


def test_a_v73_mat_is_refused_with_advice_how_to_save_it(tmp_path):
    h5py.File(tmp_path / "m.mat", "w", userblock_size=512).close()
    with pytest.raises(ValueError, match=r"m\.mat: saved by MATLAB as v7\.3 .* save it in MATLAB with -v7"):
        attributes.people(tmp_path / "m.mat")


def test_image_names_are_predictions_and_not_for_training(tmp_path):
    write_csv(tmp_path / "p.csv", {"000000.jpg": values(), "000001.jpg": values(hat=2)})
    with pytest.raises(ValueError, match=r"p\.csv:2: id '000000\.jpg' is no person; .*predictions"):
        attributes.people(tmp_path / "p.csv")
    table = attributes.read_predictions(tmp_path / "p.csv")
    assert list(table["image"]) == ["000000.jpg", "000001.jpg"]
    assert list(table["hat"]) == [0, 1]
    assert list(table.columns) == ["image", *attributes.HEADS]
    with (tmp_path / "p.csv").open("a") as file:
        file.write("000001.jpg,3" + ",1" * 26 + "\n")
    with pytest.raises(ValueError, match=r"p\.csv:4: image 000001\.jpg is listed twice"):
        attributes.read_predictions(tmp_path / "p.csv")
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        attributes.read_predictions(tmp_path / "none.csv")


def market_table(images):
    """`images`: {pid: (split, count)}."""
    rows = [
        {"path": f"images/{pid}_{i}.png", "pid": pid, "camid": i + 1, "split": split}
        for pid, (split, count) in images.items()
        for i in range(count)
    ]
    return index.build(rows)


def person(pid, side="train", **given):
    return attributes.Person(pid, side, values(**given))


def test_people_without_images_or_labels_are_reported():
    persons = [person(2), person(3), person(5), person(1, "test")]
    table = market_table({0: ("gallery", 2), 1: ("query", 1), 2: ("train", 2), 3: ("train", 1), 9: ("train", 1)})
    labels, report = attributes.label(persons, table, 0.5, 0)
    assert report == {"people_without_images": [5], "people_without_labels": [9]}
    assert list(labels["pid"]) == [2, 3, 1]
    assert sorted(labels["split"][:2]) == ["train", "val"]
    assert labels["split"][2] == "test"
    # a file without test people does not miss those of the table
    assert attributes.label(persons[:3], table, 0.5, 0)[1]["people_without_labels"] == [9]


def test_attributes_of_another_data_set_are_refused():
    table = market_table({2: ("train", 1), 3: ("train", 1)})
    with pytest.raises(ValueError, match=r"person 0002 is labelled in test, and the images are in train"):
        attributes.label([person(2, "test"), person(3)], table, 0.5, 0)
    with pytest.raises(ValueError, match="no labelled person has a training image"):
        attributes.label([person(8)], table, 0.5, 0)
    with pytest.raises(ValueError, match=r"person 0002 \(train\): hat is 7"):
        attributes.label([person(2, hat=7)], table, 0.5, 0)


def test_weights_count_images_of_train_and_survive_an_absent_class():
    labels = pd.DataFrame(
        [
            {"pid": pid, "split": split} | attributes.heads(values(age=age, hat=hat), "")
            for pid, split, age, hat in [(1, "train", 3, 1), (2, "train", 1, 2), (3, "train", 3, 1), (4, "val", 2, 2)]
        ]
    )
    weights = attributes.class_weights(labels, pd.Series({1: 4, 2: 2, 3: 1, 4: 50}))
    assert weights["age"] == [2.5, 1.0, 1.0, 1.0]  # adult 5 images, young 2, teenager only in val, nobody old
    assert weights["hat"] == [1.0, 2.5]
    assert weights["gender"] == [1.0, 1.0]
    assert [len(weights[head]) for head in attributes.HEADS] == [len(c) for c in attributes.HEADS.values()]


def test_read_gives_one_row_an_image(tmp_path):
    (tmp_path / "market/images").mkdir(parents=True)
    rows = []
    for pid, split in ((2, "train"), (7, "train"), (1, "query"), (1, "gallery"), (0, "gallery")):
        path = f"images/{pid}_{split}.png"
        Image.new("RGB", (2, 3), (pid, 250, 0)).save(tmp_path / "market" / path)
        rows.append({"path": path, "pid": pid, "camid": 2 if split == "gallery" else 1, "split": split})
    index.write(index.build(rows), tmp_path / "market")
    write_mat(tmp_path / attributes.MAT, {2: PEOPLE[2], 7: PEOPLE[7]}, {1: values()})
    table, pictures = attributes.read(tmp_path, tmp_path / "market")
    assert list(table["pid"]) == [2, 7, 1, 1]
    assert list(table["hat"]) == [1, 0, 0, 0]
    assert list(table["split"][2:]) == ["test", "test"]
    assert [(name, image[0, 0].tolist()) for name, image in pictures] == [
        (row["path"], [row["pid"], 250, 0]) for row in rows[:4]
    ]


def test_the_real_file(published):
    people = attributes.people(published / "market_attribute.mat")
    sides = {side: [attributes.heads(p.fields, "") for p in people if p.side == side] for side in ("train", "test")}
    assert {side: len(rows) for side, rows in sides.items()} == {"train": 751, "test": 750}
    assert {side: sum(r["up_color"] == 0 for r in rows) for side, rows in sides.items()} == {"train": 78, "test": 69}
    assert {side: sum(r["down_color"] == 0 for r in rows) for side, rows in sides.items()} == {"train": 30, "test": 44}
    purple = 1 + attributes.DOWN_COLORS.index("purple")
    assert [sum(r["down_color"] == purple for r in sides[s]) for s in ("train", "test")] == [2, 0]
    assert sum(r["hat"] for r in sides["train"]) == 20
    assert sum(r["up"] == 0 for r in sides["train"]) == 39  # long sleeves
    assert [sum(r["age"] == a for r in sides["train"]) for a in range(4)] == [14, 569, 160, 8]
    assert [sum(r["age"] == a for r in sides["test"]) for a in range(4)] == [2, 640, 103, 5]
    assert [p.pid for p in people[:3]] == [2, 7, 10]
