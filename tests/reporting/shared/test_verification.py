"""The ROC on a page says what an evaluation measured, and who lacks the numbers."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from sanreid.data import index
from sanreid.evaluation import calibration
from sanreid.reporting.shared import verification


@pytest.fixture
def evaluated(tmp_path):
    """A function that leaves what an evaluation of people in two cameras leaves; `noise` tells how alike they are."""

    def write(name: str, noise: float, cameras: int = 2, people: int = 60):
        random, folder = np.random.default_rng(0), tmp_path / name
        folder.mkdir()
        rows = [
            {"path": f"{p}_{c}.png", "pid": p, "camid": 1 + c % cameras, "split": "gallery"}
            for p in range(1, people + 1)
            for c in range(2)
        ]
        centres = np.repeat(random.normal(size=(people, 8)), 2, axis=0)
        values = (centres + noise * random.normal(size=centres.shape)).astype(np.float32)
        calibration.write(folder, values, index.build(rows))
        return folder

    return write


def test_the_cells_are_the_files_numbers_over_the_seeds(evaluated):
    near, far = evaluated("near", 0.3), evaluated("far", 0.9)
    told = [json.loads((folder / "verification.json").read_text()) for folder in (near, far)]
    found = verification.section({"floor": [far], "network": [near, far]}, floors=["floor"])
    assert [(row.label, row.kind) for row in found.rows] == [("floor", "f"), ("network", "m0")]
    tpr = [100 * t["tpr_at_fpr"]["0.001"] for t in told]
    eer = [100 * t["equal_error_rate"] for t in told]
    cells = found.rows[1].cells
    assert cells[0] == f"{np.mean(tpr):.1f} ± {np.std(tpr, ddof=1):.1f}"
    assert cells[1] == f"{np.mean(eer):.1f} ± {np.std(eer, ddof=1):.1f}"
    assert cells[2] == f"{np.mean([t['thresholds']['0.001']['similarity'] for t in told]):.3f}"
    assert (found.rows[0].cells[1], cells[4], found.notes) == (f"{eer[1]:.1f}", "60", [])
    drawn = json.loads(re.search(r'data-chart="([^"]*)"', found.chart)[1].replace("&quot;", '"'))
    assert drawn["log"]
    curve = pd.read_csv(near / "roc.csv")
    assert len(drawn["lines"]) == 3
    assert min(drawn["lines"][1]["xs"]) == pytest.approx(curve["fpr"][curve["fpr"] > 0].min(), rel=1e-3)


def test_what_nobody_measured_is_said_and_never_a_number(evaluated, tmp_path):
    near, alone, few = evaluated("near", 0.3), evaluated("alone", 0.3, cameras=1), evaluated("few", 0.3, people=5)
    found = verification.section({"one": [near], "two": [alone], "old": [tmp_path / "gone"], "small": [few]})
    assert [row.label for row in found.rows] == ["one", "small"]
    assert found.rows[1].cells[0] == "too few pairs (40)"
    assert found.notes == [
        "two: no person is seen in two cameras: nothing tells how alike two pictures of one person are.",
        "old: was evaluated before this was measured.",
    ]
    assert verification.section({"two": [alone], "old": [tmp_path / "gone"]}) is None
    (near / "verification.json").write_text('{"slope": 1}')
    with pytest.raises(ValueError, match=r"verification\.json: no calibration"):
        verification.section({"one": [near]})
