"""The command `sanreid`: one verb a file of this folder, imported when it is called and not before.

Decisions: typer, whose commands are typed functions. `sanreid --help` lists the verbs from VERBS, so that it imports
no verb, and no verb file imports torch, numpy or pandas at its top: help is there at once. A verb is the function of
its file's name; to add one, write the file and its line in VERBS. Exit status: 0 done, 1 failed (bad input, told in
one line on stderr), 2 wrong use, 130 interrupted by Ctrl-C (start.py). An empty argument is wrong use, whatever the
verb: it is a shell's variable that was never set, and as a path it would mean the current folder.
"""

import io
import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from sanreid import faults

VERBS = {
    "embed": "Turn pictures of people into features, in a file to search in.",
    "search": "Find the pictures that show the person of a query picture.",
    "same": "Tell how probable it is that two pictures show the same person.",
    "attributes": "Tell what people in pictures wear.",
    "texture": "Paint the texture of a person, and the person turned.",
    "cluster": "Tell how many people a folder of pictures shows, and who is who.",
    "calibrate": "Calibrate `same` and `cluster` on labelled people who were held out.",
    "evaluate": "Measure a network on an own folder with index.csv: CMC and mAP.",
    "export": "Write a network as ONNX or as torch's exported program.",
}
EPILOG = "`sanreid VERB --help` has options and examples. Exit status: 0 done, 1 failed, 2 wrong use, 130 stopped."


class Verbs(TyperGroup):
    """The verbs whose files are there, in VERBS' order."""

    listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs' names."""
        return [name for name in VERBS if (Path(__file__).parent / f"{name}.py").is_file()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name, imported; a name and a line alone while help is written; None where there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if self.listing:
            return typer.core.TyperCommand(cmd_name, help=VERBS[cmd_name])
        return command(cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an empty argument; else as typer does."""
        if "" in args:
            ctx.fail("an empty argument was given: is a variable of the shell not set?")
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without importing a verb."""
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


def command(name: str) -> Any:
    """The verb's command, from the function `name` in the file of its name."""
    verb = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    function = getattr(import_module(f"sanreid.cli.{name}"), name)
    verb.command(name, short_help=VERBS[name])(function)
    return typer.main.get_command(verb)


app = typer.Typer(
    cls=Verbs,
    name="sanreid",
    help="Person re-identification on your own pictures.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _top() -> None:
    """Person re-identification on your own pictures: search, compare, measure, export."""


def main() -> None:
    """Run the command: one line on stderr and status 1 where input, disk or machine fail."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - closed by the shell (>&-): as print takes it
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")  # names that are no UTF-8 leave as they came
    with faults.told("sanreid"):
        level = os.environ.get("SANREID_LOG", "WARNING").upper()
        logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
        app()


if __name__ == "__main__":
    main()
