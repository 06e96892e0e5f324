"""What stands where: columns only where something fills them, tables only where all their variants are there."""

from sanreid.reporting.shared import results, results_table
from sanreid.reporting.shared.ablations import Table


def method(name, seeds=(0.5,), floor=False, textures=()):
    values = {k: {"rank1": v, "rank5": v, "mAP": v, "mINP": v} for k, v in enumerate(seeds)}
    return results.Method(name, name, floor, values, {}, {k: {"l1": v} for k, v in enumerate(textures)})


def outcome(variants, tables=None, published=None, name="market1501"):
    result = results.Results(name, variants, [method("stripes", floor=True)])
    return results_table.outcomes([result], [], tables or {}, published or {})[0]


def table(title, *variants, **labels):
    return Table(title=title, variants=list(variants), generators=[], set=[], labels=labels)


def test_a_small_run_has_a_small_table():
    board = results_table.board(
        outcome([method("a"), method("b")], {"t": table("T", "a", "c")}, {"another": {"a": (1, 2)}})
    )
    assert board.columns == ["rank-1", "rank-5", "mAP", "mINP"]
    assert [(b.title, [r.method.name for r in b.rows]) for b in board.blocks] == [("", ["stripes"]), ("", ["a", "b"])]


def test_tables_stand_in_their_own_order_and_the_others_after_them():
    tables = {"one": table("One", "c", "a", a="the A"), "two": table("Two", "a", "b"), "no": table("No", "a", "z")}
    board = results_table.board(outcome([method(n) for n in "abcd"], tables))
    assert [(b.title, [(r.method.name, r.label) for r in b.rows]) for b in board.blocks[1:]] == [
        ("One", [("c", ""), ("a", "the A")]),
        ("Two", [("a", ""), ("b", "")]),
        ("Other variants", [("d", "")]),
    ]


def test_textures_and_published_numbers_have_columns_of_their_own():
    variants = [method("a"), method("b", (0.5, 0.6), textures=(0.10, 0.14))]
    shown = outcome(variants, published={"market1501": {"a": (96.1, 88.0), "z": (1.0, 2.0)}})
    board = results_table.board(shown)
    assert board.columns[4:] == ["texture L1", "published (real data)"]
    assert [row.cells[4:] for block in board.blocks for row in block.rows] == [
        ["", ""],
        ["", "96.1 / 88.0"],
        ["0.120 ± 0.028", ""],
    ]
    assert "in the paper, on the real data" in results_table.caption(shown)
    assert "own decoder" in results_table.caption(shown)


def test_the_caption_says_over_how_many_seeds():
    assert results_table.caption(outcome([])) == "percent"
    assert results_table.caption(outcome([method("a")])) == "percent; one seed, so no deviation"
    five = results_table.caption(outcome([method("a", (0.1,) * 5)]))
    assert five == "percent; mean ± standard deviation (n − 1) over 5 seeds"
    assert "over 2 to 3 seeds" in results_table.caption(outcome([method("a", (0.1,) * 3), method("b", (0.1,) * 2)]))


def test_published_numbers_are_only_those_of_the_sets_name():
    shown = outcome([method("san")], published={"cuhk03_labeled": {"san": (80.1, 76.4)}}, name="cuhk03_labeled_mine")
    assert shown.published == {}
