"""A user's folder: what is taken as it is, and what is refused by file and line."""

import numpy as np
import pandas as pd
import pytest

from sanreid.data import folder as reader
from sanreid.data.images import write_rgb

ROWS = """\
path,pid,camid,split
train/a.png,1,1,train
train/b.jpg,1,2,train
c.png,7,1,query
d.png,7,2,gallery
e.png,0,3,gallery
"""


def write(folder, text=ROWS, name="index.csv"):
    (folder / "train").mkdir(parents=True, exist_ok=True)
    for path in ("train/a.png", "train/b.jpg", "c.png", "d.png", "e.png"):
        write_rgb(folder / path, np.full((4, 2, 3), 90, np.uint8))
    (folder / name).write_text(text)
    return folder


def swap(old, new):
    assert old in ROWS
    return ROWS.replace(old, new, 1)


def test_a_table_is_taken_as_it_is(tmp_path):
    table, files = reader.read(write(tmp_path))
    assert table["path"].tolist() == ["train/a.png", "train/b.jpg", "c.png", "d.png", "e.png"]
    assert table["pid"].tolist() == [1, 1, 7, 7, 0]
    assert table["camid"].tolist() == [1, 2, 1, 2, 3]
    assert [str(table[c].dtype) for c in ("pid", "camid")] == ["int64", "Int64"]
    assert list(files) == [(path, tmp_path / path) for path in table["path"]]


def test_parquet_and_csv_say_the_same_and_other_columns_are_kept(tmp_path):
    one = write(tmp_path / "csv", ROWS.replace("\n", ",9.5\n").replace("split,9.5", "split,height"))
    table, _ = reader.read(one)
    assert table["height"].tolist() == [9.5] * 5
    two = write(tmp_path / "parquet")
    (two / "index.csv").unlink()
    table.set_index("height").reset_index().to_parquet(two / "index.parquet")
    again, _ = reader.read(two)
    pd.testing.assert_frame_equal(again[table.columns], table)


@pytest.mark.parametrize(
    "text",
    [
        swap("path,pid", "\ufeffpath,pid"),  # a spreadsheet's byte order mark
        ROWS + "\n\n",
        ROWS.replace("\n", "\r\n"),
        swap("train/a.png,1,", "./train//a.png, 0001 ,"),
        swap("b.jpg,1,2", "b.jpg,1.0,2.0"),  # what pandas writes of a column with gaps
    ],
)
def test_what_programs_write_is_read(tmp_path, text):
    table, _ = reader.read(write(tmp_path, text))
    assert table["path"].tolist() == ["train/a.png", "train/b.jpg", "c.png", "d.png", "e.png"]
    assert table["pid"].tolist() == [1, 1, 7, 7, 0]


@pytest.mark.parametrize("text", [ROWS.replace(",camid", "").replace(",1,", ","), "empty"])
def test_cameras_may_be_unknown(tmp_path, text):
    rows = [line.split(",") for line in ROWS.split()[1:]]
    without = "path,pid,split\n" + "\n".join(f"{p},{pid},{s}" for p, pid, _, s in rows)
    empty = "path,pid,camid,split\n" + "\n".join(f"{p},{pid},,{s}" for p, pid, _, s in rows)
    table, _ = reader.read(write(tmp_path, empty if text == "empty" else without))
    assert table["camid"].isna().all()
    assert str(table["camid"].dtype) == "Int64"


def test_training_pictures_alone_may_lack_a_camera(tmp_path):
    table, _ = reader.read(write(tmp_path, swap("a.png,1,1", "a.png,1,")))
    assert table["camid"].isna().tolist() == [True] + [False] * 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("c.png,7", "c.png,alice", r"index\.csv: line 4: pid is 'alice', no integer; .*factorize"),
        ("c.png,7", "c.png,7.5", r"line 4: pid is '7\.5', no integer"),
        ("c.png,7", "c.png,", "line 4: pid is empty; number the people"),
        ("c.png,7", "c.png,99999999999999999999", "line 4: pid is '99999999999999999999', no integer"),
        ("d.png,7,2", "d.png,7,east", "line 5: camid is 'east', no integer; number the cameras"),
        ("d.png,7,2", "d.png,7,0", "line 5: d.png .*camid below 1"),
        ("d.png,7,2", "d.png,7,", "line 5: d.png .*has no camid, while other"),
        ("c.png,7", "c.png,0", "line 4: c.png .*pid 0, which means nobody.*from 1"),
        ("a.png,1", "a.png,0", "line 2: train/a.png .*pid 0, which means nobody"),
        ("e.png,0", "e.png,-1", "line 6: e.png .*negative pid; junk images"),
        ("1,train", "1,training", "line 2: train/a.png .*unknown split; known are train"),
        ("d.png,7", "d.png,8", "line 4: c.png .*not in the gallery"),
        ("d.png,7", "d.png,1", "line 5: d.png .*also in train"),
        ("d.png", "c.png", "line 5: c.png .*listed twice"),
        ("d.png", "./c.png", "line 5: c.png .*listed twice"),
        ("d.png", "../d.png", "line 5: path '../d.png' is not a POSIX path"),
        ("d.png", "/d.png", "line 5: path '/d.png' is not a POSIX path"),
        ("d.png", "train\\d.png", "line 5: path .* is not a POSIX path"),
        ("d.png", "", "line 5: path is nan, not a string"),
        ("\nd.png", "\n\nd.png", "line 5: pid is empty"),
        ("path,pid", "file,pid", r"index\.csv: no column 'path', only 'file', 'pid'"),
        (",split", ";split", "no column 'split', .* with a comma between"),
    ],
)
def test_each_wrong_line_is_named_as_an_editor_counts_it(tmp_path, old, new, words):
    with pytest.raises(ValueError, match=words):
        reader.read(write(tmp_path, swap(old, new)))


def test_a_parquets_rows_count_from_0(tmp_path):
    table, _ = reader.read(write(tmp_path))
    (tmp_path / "index.csv").unlink()
    table.assign(pid=["a", "a", "b", "b", "c"]).to_parquet(tmp_path / "index.parquet")
    with pytest.raises(ValueError, match=r"index\.parquet: row 0: pid is 'a', no integer"):
        reader.read(tmp_path)


def test_pictures_that_are_none_or_would_share_a_texture_are_named(tmp_path):
    write(tmp_path)
    (tmp_path / "d.png").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=r"line 5: .*d\.png: not a readable picture; replace it, or remove the line"):
        reader.read(tmp_path)
    (tmp_path / "d.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"line 5: path d\.png does not exist in"):
        reader.read(tmp_path)
    write(tmp_path, swap("d.png", "c.jpg"))
    write_rgb(tmp_path / "c.jpg", np.zeros((4, 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r"line 5: c\.jpg .*differs from another picture in its suffix alone"):
        reader.read(tmp_path)


def test_a_folder_without_one_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder; `folders` of params"):
        reader.read(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"one of index\.csv and index\.parquet is wanted, neither is there"):
        reader.read(tmp_path)
    write(tmp_path)
    (tmp_path / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(FileNotFoundError, match="both are there"):
        reader.read(tmp_path)
    (tmp_path / "index.csv").unlink()
    with pytest.raises(ValueError, match=r"index\.parquet: not a readable table"):
        reader.read(tmp_path)
    (tmp_path / "index.parquet").unlink()
    for text, words in (("", "not a readable table"), ("path,pid,split\n", "no rows"), ("a,b\n1,2,3,4\n1\n", "column")):
        (tmp_path / "index.csv").write_text(text)
        with pytest.raises(ValueError, match=words):
            reader.read(tmp_path)


def test_truth_and_the_files_of_other_columns_come_along(tmp_path):
    write(tmp_path, ROWS.replace("\n", ",v/x.png\n").replace("split,v/x.png", "split,visibility"))
    for name in ("v/x.png", "truth/textures/7.png", "truth/coverage.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_rgb(tmp_path / name, np.zeros((2, 2), np.uint8))
    _, files = reader.read(tmp_path)
    names = [name for name, source in files if source == tmp_path / name]
    assert names[5:] == ["v/x.png", "truth/coverage.png", "truth/textures/7.png"]


def encoded(text, how):
    return {
        "UTF-16": text.encode("utf-16"),
        "UTF-16 without its mark": text.encode("utf-16-le"),
        "Latin-1": text.replace("c.png", "caf\xe9.png").encode("latin-1"),
        "workbook": b"PK\x03\x04" + bytes(100),
        "old workbook": b"\xd0\xcf\x11\xe0" + bytes(100),
        "zeros": text.encode() + bytes(8),
        "semicolons": text.replace(",", ";").encode(),
        "tabs": text.replace(",", "\t").encode(),
    }[how]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("UTF-16", "is in UTF-16; save it as UTF-8"),
        ("UTF-16 without its mark", "is in UTF-16; save it as UTF-8"),
        ("Latin-1", r"line 4: is not UTF-8 \(byte e9; Latin-1, perhaps\); save it as UTF-8"),
        ("workbook", "is an Excel workbook .*, whatever its name says; save it as UTF-8"),
        ("old workbook", "is an old Excel workbook"),
        ("zeros", "is damaged or no text"),
        ("semicolons", "no column 'path', only .* with a comma between"),
        ("tabs", "no column 'path', only .* with a comma between"),
    ],
)
def test_tables_in_other_formats_are_refused_with_the_remedy(tmp_path, how, words):
    write(tmp_path)
    (tmp_path / "index.csv").write_bytes(encoded(ROWS, how))
    with pytest.raises(ValueError, match=rf"index\.csv: {words}"):
        reader.read(tmp_path)


@pytest.mark.parametrize("name", ["index.parquet", "Index.CSV", "summary.json", "truth/a.png", "Truth/a.png"])
def test_a_picture_with_the_name_of_what_the_stage_writes_is_refused(tmp_path, name):
    write(tmp_path, swap("d.png", name), name="index.csv")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes((tmp_path / "d.png").read_bytes())
    if name == "index.parquet":
        with pytest.raises(FileNotFoundError, match="both are there"):
            reader.read(tmp_path)
    else:
        with pytest.raises(ValueError, match=rf"line 5: {name} .*has the name of what the stage writes"):
            reader.read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"), [("c.png,7", "c.png,HUGE"), ("c.png", "HUGE"), ("7,1,query", "7,1,HUGE"), ("path,pid", "HUGE,pid")]
)
def test_a_huge_cell_is_not_printed_whole(tmp_path, old, new):
    write(tmp_path, swap(old, new.replace("HUGE", "x" * 10_000_000)))
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        reader.read(tmp_path)
    assert len(str(error.value)) < 900


def test_one_camera_everywhere_is_refused_before_the_pictures_are_copied(tmp_path):
    text = ROWS.replace(",2,", ",1,").replace(",3,", ",1,")
    with pytest.raises(ValueError, match=r"index\.csv: no query's person .*leave camid empty in every row"):
        reader.read(write(tmp_path, text))


def test_hidden_files_are_no_truth(tmp_path):
    write(tmp_path)
    (tmp_path / "truth/textures").mkdir(parents=True)
    (tmp_path / "truth/textures/._7.png").write_bytes(b"resource fork")
    assert len(list(reader.read(tmp_path)[1])) == 5


ENDED = "\n".join([ROWS.splitlines()[0], *(f"{row}," for row in ROWS.splitlines()[1:])]) + "\n"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ENDED, "rows have more fields than the header has columns"),
        (ROWS.replace("split", "split,split").replace("train\n", "train,query\n"), "column 'split' stands there twice"),
    ],
)
def test_fields_without_a_column_and_columns_that_stand_twice_are_named(tmp_path, rows, words):
    with pytest.raises(ValueError, match=rf"index\.csv: {words}"):
        reader.read(write(tmp_path, rows))
