"""The index table: what it accepts, and each thing that it refuses by row and path."""

import numpy as np
import pandas as pd
import pytest

from sanreid.data import index

ROWS = [
    ("images/a.png", 1, 1, "train"),
    ("images/b.png", 1, 2, "train"),
    ("images/c.png", 7, 1, "query"),
    ("images/d.png", 7, 2, "gallery"),
    ("images/e.png", 0, 3, "gallery"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for path, *_ in ROWS:
        (tmp_path / path).write_bytes(b"x")
    return tmp_path


def table(rows=ROWS, **extras):
    return index.build(
        [
            dict(zip(index.COLUMNS, row, strict=True)) | {k: v[i] for k, v in extras.items()}
            for i, row in enumerate(rows)
        ]
    )


def changed(row, **values):
    rows = [dict(zip(index.COLUMNS, r, strict=True)) for r in ROWS]
    rows[row] |= values
    return index.build(rows)


def test_what_is_written_is_read_in_the_same_order_and_types(folder):
    index.write(table(), folder)
    back = index.read(folder)
    assert list(back["path"]) == [r[0] for r in ROWS]
    assert [str(back[c].dtype) for c in ("pid", "camid")] == ["int64", "Int64"]
    pd.testing.assert_frame_equal(back, table())


def test_extras_and_null_cameras_survive(folder):
    names = ["images/a.png", None, "images/a.png", None, None]
    rows = [
        {"path": r[0], "pid": 1, "camid": None, "split": "train", "frontal": n}
        for r, n in zip(ROWS, names, strict=True)
    ]
    index.write(index.build(rows), folder)
    back = index.read(folder)
    assert back["camid"].isna().all()
    assert [None if pd.isna(n) else n for n in back["frontal"]] == names


@pytest.mark.parametrize(
    ("row", "values", "words"),
    [
        (1, {"path": "images/a.png"}, "listed twice"),
        (1, {"path": "/images/a.png"}, "not a POSIX path"),
        (1, {"path": "images\\a.png"}, "not a POSIX path"),
        (1, {"path": "C:/a.png"}, "not a POSIX path"),
        (1, {"path": "../a.png"}, "not a POSIX path"),
        (1, {"split": "probe"}, "unknown split"),
        (4, {"pid": -1}, "negative pid"),
        (4, {"camid": 0}, "camid below 1"),
        (2, {"pid": 8}, "not in the gallery"),
        (3, {"pid": 1}, "also in train"),
        (2, {"pid": 1}, "also in train"),
        (4, {"pid": 1, "split": "validation"}, "also in train"),
    ],
)
def test_each_wrong_row_is_refused_by_number_and_path(folder, row, values, words):
    wrong = changed(row, **values)
    if row == 3:  # the query of the changed person goes too, so that only the gallery is wrong
        wrong = wrong.drop(index=2).reset_index(drop=True)
        row = 2
    with pytest.raises(ValueError, match=words) as error:
        index.check(wrong, folder)
    assert f"row {row}:" in str(error.value)
    assert wrong["path"][row].replace("\\", "\\\\") in str(error.value)


@pytest.mark.parametrize(
    ("protocols", "row"),
    [
        (["single_gallery_shot"] * 3 + ["whole_gallery"] * 2, 3),
        (["multi_shot"] * 5, 0),
        (["whole_gallery", None] + ["whole_gallery"] * 3, 1),
    ],
)
def test_a_protocol_is_known_and_the_same_in_every_row(folder, protocols, row):
    with pytest.raises(ValueError, match=rf"row {row}: .*protocol; one of whole_gallery, single_gallery_shot"):
        index.check(table(protocol=protocols), folder)
    for known in index.PROTOCOLS:
        index.check(table(protocol=[known] * 5), folder)


def test_rows_are_named_as_their_own_file_counts_them(folder):
    where = index.Rows(folder / "index.csv", "line", 2)
    with pytest.raises(ValueError, match=r"index\.csv: line 4: images/c\.png .*unknown split"):
        index.check(changed(2, split="probe"), folder, where)
    with pytest.raises(FileNotFoundError, match=r"index\.csv: line 3: path images/z\.png does not exist"):
        index.check(changed(1, path="images/z.png"), folder, where)


def test_a_missing_file_is_named(folder):
    (folder / "images/d.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"row 3: path images/d\.png does not exist"):
        index.check(table(), folder)


def test_a_missing_extra_file_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"row 2: texture textures/1\.png"):
        index.check(table(texture=[None, "images/a.png", "textures/1.png", None, None]), folder)


def test_a_query_seen_by_its_own_camera_only_is_legal(folder):
    index.check(changed(2, camid=2), folder)


def test_digits_may_be_in_train_and_test(folder):
    rows = [("images/a.png", 3, pd.NA, "train"), ("images/b.png", 3, pd.NA, "test")]
    index.check(table(rows), folder)


@pytest.mark.parametrize(
    ("column", "kind", "words"),
    [("pid", "int32", "pid is int32"), ("pid", "float64", "pid is float64"), ("camid", "int64", "camid is int64")],
)
def test_wrong_types_are_refused(folder, column, kind, words):
    with pytest.raises(ValueError, match=words):
        index.check(table().astype({column: kind}), folder)


def test_a_path_that_is_no_string_is_refused(folder):
    wrong = table().astype({"path": object})
    wrong.loc[3, "path"] = np.nan
    with pytest.raises(ValueError, match="row 3: path is nan"):
        index.check(wrong, folder)


def test_missing_columns_and_empty_tables_are_refused(folder):
    with pytest.raises(ValueError, match="'camid' is missing"):
        index.check(table().drop(columns="camid"), folder)
    with pytest.raises(ValueError, match="no rows"):
        index.check(index.build([]), folder)


def test_reading_checks_again(folder):
    index.write(table(), folder)
    (folder / "images/a.png").unlink()
    with pytest.raises(FileNotFoundError, match="row 0"):
        index.read(folder)


def test_no_table_and_a_broken_table_are_named(folder):
    with pytest.raises(FileNotFoundError, match=r"index\.parquet: not found"):
        index.read(folder)
    (folder / index.NAME).write_bytes(b"PAR1 cut off")
    with pytest.raises(ValueError, match="not a readable table"):
        index.read(folder)


def test_a_refused_table_leaves_no_file(folder):
    with pytest.raises(ValueError, match="unknown split"):
        index.write(changed(0, split="x"), folder)
    assert not (folder / index.NAME).exists()


def test_summary_counts():
    assert index.summary(table(), distractor=0) == {
        "people": 2,
        "images": 5,
        "cameras": 3,
        "splits": {
            "train": {"people": 1, "images": 2},
            "query": {"people": 1, "images": 1},
            "gallery": {"people": 1, "images": 2},
        },
        "distractors": 1,
    }
    assert index.summary(table())["people"] == 3
    assert index.summary(table().assign(camid=pd.array([pd.NA] * 5, dtype="Int64")))["cameras"] == 0


@pytest.mark.parametrize(
    "cameras",
    [
        [1, 1, 1, 1, 1],  # one camera everywhere
        [1, 2, 2, 2, 3],  # each person in one
    ],
)
def test_a_set_without_matches_in_other_cameras_is_refused(folder, cameras):
    wrong = table().assign(camid=pd.array(cameras, dtype="Int64"))
    with pytest.raises(ValueError, match=r"raw: no query's person .* another camera.*leave camid empty"):
        index.check_matches(wrong, "raw")
    index.check_matches(wrong.assign(camid=pd.array([pd.NA] * 5, dtype="Int64")), "raw")
    index.check_matches(wrong[wrong["split"] == "train"], "raw")


def test_one_query_that_can_be_found_is_enough(folder):
    rows = [("images/a.png", 7, 2, "query"), *ROWS[1:]]
    one = [r if r[1] != 1 else (r[0], 9, *r[2:]) for r in rows]
    index.check_matches(table(one).assign(camid=pd.array([2, 1, 1, 2, 3], dtype="Int64")), folder)


def test_a_huge_value_is_shown_shortened(folder):
    huge = "x" * 10_000_000
    cases = [changed(1, split=huge), changed(1, path="/" + huge), changed(1, path=huge), changed(1, path=[huge])]
    for wrong in cases:
        with pytest.raises((ValueError, FileNotFoundError)) as error:
            index.check(wrong, folder)
        assert len(str(error.value)) < 700


def test_a_table_that_declares_absurdly_much_is_refused(folder, monkeypatch):
    index.write(table(), folder)
    monkeypatch.setattr(index, "MOST_ROWS", 4)
    with pytest.raises(ValueError, match=r"not a readable table \(declares 5 rows of \d+ bytes\); delete it"):
        index.read(folder)


def test_a_flipped_bit_of_the_file_gives_one_line_or_is_harmless(folder):
    """The values have checksums; what describes them is text and numbers that pandas trusts."""
    index.write(table(), folder)
    file = folder / index.NAME
    whole, good = file.read_bytes(), index.read(folder)
    told = 0
    for bit in range(0, 8 * len(whole), 37):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        try:
            pd.testing.assert_frame_equal(index.read(folder), good)
        except (ValueError, FileNotFoundError) as error:
            complaint = str(error)
            told += complaint.startswith(f"{file}: ") and "\n" not in complaint
        else:
            told += 1
    assert told == len(range(0, 8 * len(whole), 37))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"texture": [1, 2, 3, 4]}, "row 0: texture is 1, not a path"),
        ({"texture": [["a"]] * 4}, r"row 0: texture is \['a'\], not a path"),
        ({"protocol": [["a"]] * 4}, "has another or an unknown protocol"),
        ({"stamp": [20240101123000123456789] * 4}, "a column cannot be kept"),
        ({"mixed": [1, "a", b"c", None]}, "a column cannot be kept"),
    ],
)
def test_an_extra_column_that_cannot_be_used_is_refused(folder, changes, told):
    wanted = table()
    wrong = wanted.assign(**{name: (values * len(wanted))[: len(wanted)] for name, values in changes.items()})
    with pytest.raises(ValueError, match=told):
        index.write(wrong, folder)
