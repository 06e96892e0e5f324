"""A Markdown table has a rule that sets words left and numbers right, and its cells as given."""

from sanreid.reporting.shared import markdown_table


def test_words_stand_left_and_numbers_right():
    lines = markdown_table.table(["", "mAP", "shows"], [["san", "12.0", "gain"], ["", "", ""]], words=1).splitlines()
    assert lines == ["|  | mAP | shows |", "| --- | ---: | --- |", "| san | 12.0 | gain |", "|  |  |  |"]
    assert "| --- | --- | ---: |" in markdown_table.table(["a", "b", "c"], [], names=2)
