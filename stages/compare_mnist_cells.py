"""The grids of the digit classifier beside the published ones: a table and a heat map of each."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from sanreid import runtime
from sanreid.bounds import Name, Text
from sanreid.params import Section, run
from sanreid.reporting.digits import sweep


class Params(Section):
    """Section `compare_mnist_cells`: set of grids -> grid -> cell -> published accuracy in percent, or null."""

    grids: dict[Name, Annotated[dict[Text, sweep.Grid], Field(min_length=1)]]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, grids in self.grids.items():
            known: sweep.Grid = {}
            for grid, cells in grids.items():
                sweep.axes(f"grids.{name}.{grid}", list(cells))
                if odd := [cell for cell, value in cells.items() if known.setdefault(cell, value) != value]:
                    raise ValueError(f"grids.{name}.{grid}: {odd[0]} has another number in another grid of {name}")
        return self


def main(cells: Path, grids: str, out: Path, p: Params) -> None:
    """`out` gets table.csv, table.md and heatmap.svg; the table is printed too.

    `cells` is the folder with the outputs of sweep_mnist, `grids` a name under `grids` of the section.
    """
    if grids not in p.grids:
        raise ValueError(f"mnist.grids: no '{grids}' under compare_mnist_cells.grids; there are {', '.join(p.grids)}")
    chosen = p.grids[grids]
    records = {}
    for cell in dict.fromkeys(cell for grid in chosen.values() for cell in grid):
        file = cells / cell / "metrics.json"
        if not file.is_file():
            raise FileNotFoundError(f"{file}: not found; `make digits-grid` trains every cell of the grids")
        records[cell] = runtime.read_json(file)
    kinds = {(r["name"], r["model"]["epochs"], r["trained"]) for r in records.values()}
    if len(kinds) != 1:
        raise ValueError(f"{cells}: its cells are of several models or sets: {sorted(kinds)}; `make digits-grid` again")
    results = {cell: sweep.Result(r["accuracy"], r["tested"], r["diverged"] is not None) for cell, r in records.items()}
    text = sweep.markdown(chosen, results, *kinds.pop())
    with runtime.atomic_folder(out) as work:
        sweep.frame(chosen, results).to_csv(work / "table.csv", index=False, float_format="%.6g")
        (work / "table.md").write_text(text)
        (work / "heatmap.svg").write_text(sweep.heatmaps(chosen, results))
    print(text, end="")


if __name__ == "__main__":
    run(main)
