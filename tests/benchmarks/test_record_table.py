import json
import mmap

import measuring
import pytest
import record_table

ROW = {"scale": "2 x 3", "ours_s": 0.05, "reference": "plain", "reference_s": 1.0, "bar": "", "machine": "M"}


def test_rows_tell_ratio_bar_and_memory():
    slower = ROW | {"times_the_reference": 1.25, "extra_mb": 81.6, "bar": "at most 1.5 times"}
    assert record_table.row("ranking", slower) == (
        "| ranking, 2 x 3 | 50.0 ms | plain: 1.00 s | 1.25 times | at most 1.5 times | 82 MB |"
    )
    faster = ROW | {"times_faster": 20.0, "extra_mb": None, "told": "7 images/s"}
    assert (
        record_table.row("x", faster) == "| x, 2 x 3 | 50.0 ms (7 images/s) | plain: 1.00 s | 20.0 times faster |  |  |"
    )


def test_a_curve_is_a_table_of_its_own():
    points = [{"gallery": 10, "s": 0.2, "extra_mb": 4.2}, {"gallery": 1000000, "s": 3.0, "extra_mb": None}]
    made = record_table.tables({"by size": {"scale": "5 queries", "curve": points, "machine": "M"}})
    assert "| by size, 5 queries | 10 | 1,000,000 |\n|---|---|---|\n| time | 0.20 s | 3.00 s |" in made
    assert made.endswith("Measured on: M.")


def test_the_table_replaces_what_lay_between_its_marks_and_nothing_else():
    document = f"before\n{record_table.MARKS[0]}\nold\n{record_table.MARKS[1]}\nafter\n"
    once = record_table.put(document, "new \\1")
    assert once == f"before\n{record_table.MARKS[0]}\n\nnew \\1\n\n{record_table.MARKS[1]}\nafter\n"
    assert record_table.put(once, "new \\1") == once
    with pytest.raises(ValueError, match="no place for the table"):
        record_table.put("before", "new")


def test_the_page_of_speed_has_its_place(root):
    record_table.put((root / "docs/speed.md").read_text(), "")


def test_rows_are_kept_by_name_with_their_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measuring.record("a", ours_s=1.0)
    measuring.record("b", ours_s=2.0)
    measuring.record("a", ours_s=3.0)
    rows = json.loads(measuring.RECORD.read_text())
    assert {name: row["ours_s"] for name, row in rows.items()} == {"a": 3.0, "b": 2.0}
    assert "cores" in rows["a"]["machine"]


def test_ratios_are_medians_of_pairs():
    assert measuring.ratio([1.0, 9.0, 2.0], [2.0, 3.0, 2.0]) == 1.0


def test_memory_is_what_the_work_adds_at_its_peak():
    def work() -> None:
        with mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as fresh:  # no freed memory again
            for _ in range(64):
                fresh.write(bytes(1 << 20))

    extra = measuring.extra_mb(work)
    assert extra is None or 60 <= extra < 80
