"""What the verbs print: tab-separated lines for a pipe, tables for a terminal, whatever a file is called.

Decisions: a tab or a line's end in a name is written as \\t, \\n or \\r, as TSV has it, and --json gives names exactly;
in a table a name is text, never rich's markup.
"""

from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def line(*fields: object) -> None:
    """Print the fields as one line."""
    print("\t".join(str(field).translate(_ESCAPED) for field in fields))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "", left: Sequence[str] = ()) -> None:
    """Print a table for a terminal, with the columns of `left` at the left and the others at the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(title.translate(_ESCAPED)) if title else None, title_justify="left")
    for column in columns:
        shown.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(str(field).translate(_ESCAPED)) for field in row))
    Console().print(shown)
