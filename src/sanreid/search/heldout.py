"""The labelled pictures of a folder whose people may calibrate: all but those of split `train`.

Decision: where people are not told apart nothing can be calibrated, so that is refused before pictures are embedded.
"""

from pathlib import Path

import pandas as pd

from sanreid.data import folder as own
from sanreid.data import index
from sanreid.search import listing


def pictures(folder: Path) -> pd.DataFrame:
    """`path`, `pid` and `camid` of the folder's labelled pictures.

    Raises ValueError where nobody is named or all are of split `train`, and as `listing.pictures`.
    """
    folder = Path(folder)
    table = listing.pictures(folder)
    if "pid" not in table:
        raise ValueError(f"{folder}: who is who is not told; add an index.csv with path, pid, camid and split")
    split = None
    if (folder / index.NAME).is_file():
        split = index.read(folder).set_index("path")["split"]
    elif (folder / own.TABLES[0]).is_file():
        split = own.read(folder)[0].set_index("path")["split"]
    if split is not None:
        table = table[table["path"].map(split) != "train"].reset_index(drop=True)
    if table.empty:
        raise ValueError(f"{folder}: all pictures are of split 'train'; people who were held out are wanted")
    return table
