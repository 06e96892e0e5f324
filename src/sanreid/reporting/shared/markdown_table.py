"""A table in Markdown, the one way that all pages' tables are written.

Decision: by hand and not by pandas' `to_markdown`, which wants tabulate (a package more where torch is all there is),
pads every cell, and reads '12.0' as a number.
"""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1, words: int = 0) -> str:
    """`rows` under `head`, all alike in length; the first `names` and the last `words` columns are set left."""
    rule = ["---"] * names + ["---:"] * (len(head) - names - words) + ["---"] * words
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))
