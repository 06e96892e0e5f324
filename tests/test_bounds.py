"""Every leaf of params.yaml is bounded: what cannot be meant is refused, by its key, before any work."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from sanreid import bounds, graph_params, params
from tools import check

ROOT = Path(__file__).resolve().parent.parent
BILLION, HUGE = 10**9, 1e300
SEEDS = "seed"  # leaves where a billion is as good as any other number
# lists of names and words of the users' own, where a misspelt one cannot be told
WORDS = (
    "compare_systems.labels.",
    "compare_systems.note",
    "pair_pit.label_pattern",  # a regular expression, which data/pit.py compiles before it reads
    "report_open_world.note",
    "report_open_world.published.",
    "raw.",  # folders of the user's own
    "systems.start",
)
ELSEWHERE = (
    "report.comparisons.",
    "sweep_mnist.model",
    ".shown.link",
)  # names of another section: test_graph_params.py
NULLABLE = ("synthesize.backgrounds", "synthesize.look.", "compare_systems.published.", "compare_mnist_cells.grids.")
PROFILES = ("params.yaml", "profiles/demo.yaml", "profiles/paper.yaml")


def models() -> dict[str, type[params.Section]]:
    found = dict(graph_params.SECTIONS)
    for path in (ROOT / "stages").glob("*.py"):
        if path.stem != "__init__":
            found |= check.sections(path.stem)
    return found


def leaves(value, key=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*key, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*key, number))
    else:
        yield key, value


def replaced(value, key, new):
    """`value` with `new` at `key`; the rest is shared."""
    if not key:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key[0]] = replaced(value[key[0]], key[1:], new)
    return copy


def wrong(key: str, value):
    """What a leaf that holds `value` must not take."""
    if isinstance(value, bool):
        return [1, 0, "yes", None]
    if isinstance(value, int):
        seed = key.rsplit(".", 1)[-1] == SEEDS or ".seeds." in key
        return [2**32 if seed else BILLION, -1, True, "x", 1.5, None]
    if isinstance(value, float):
        return [HUGE, -HUGE, float("inf"), float("nan"), True, "x", *([] if key.startswith(NULLABLE) else [None])]
    if value is None:
        return [HUGE, -HUGE, -1, True, "x"] if key.startswith("compare_systems.published.") else [True, 1, ""]
    free = key.startswith(WORDS) or key.endswith(ELSEWHERE) or key.startswith(ELSEWHERE)
    return [True, 1.5, None, *([] if free else [value + "x/"])]


def refusal(section: str, model, values) -> str:
    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(json.dumps(values), strict=True)
    return "\n".join(bounds.complaints(refused.value, values, f"params.yaml: {section}"))


MODELS = models()


@pytest.mark.parametrize("profile", ["profiles/demo.yaml", "profiles/paper.yaml"])
@pytest.mark.parametrize("section", sorted(MODELS))
def test_every_leaf_refuses_what_cannot_be_meant_and_is_named(section, profile):
    model, values = MODELS[section], params.read(ROOT / profile)[section]
    model.model_validate_json(json.dumps(values), strict=True)
    taken, unnamed = [], []
    for key, value in leaves(values):
        dotted = ".".join([section, *map(str, key)])
        for new in wrong(dotted, value):
            changed = replaced(values, key, new)
            try:
                model.model_validate_json(json.dumps(changed), strict=True)
            except ValidationError as error:
                lines = bounds.complaints(error, changed, f"params.yaml: {section}")
                if not any(line.startswith(f"params.yaml: {dotted}: ") for line in lines):
                    unnamed.append((dotted, new, lines))
            else:
                taken.append((dotted, new))
    assert taken == []
    assert unnamed == []


def test_no_leaf_is_left_out():
    for profile in PROFILES:
        values = params.read(ROOT / profile)
        assert values.keys() - MODELS.keys() == {"folders", "tables"}  # dictionaries of models: test_graph_params.py


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("train_san", ("epochs",), 100_000),
        ("train_san", ("people",), 128),
        ("train_san", ("optimiser", "lr"), 1),
        ("train_san_pg", ("batch",), 4096),
        ("train_strong", ("optimiser", "milestones"), [40, 70, 90_000]),
        ("evaluate_san", ("batch",), 4096),
        ("evaluate_san", ("max_rank",), 1_000_000),
        ("evaluate_system", ("reranking", "k1"), 100),
        ("evaluate_floor", ("random_width",), 2048),
        ("evaluate_textures", ("images",), 1_000_000),
        ("evaluate_open_world", ("sizes",), [100, 1000, 10_000, 1_000_000]),
        ("train_two_head", ("network", "hidden"), 8192),
        ("san", ("fc",), 2048),
        ("experiment", ("seeds",), [2**32 - 1, 0]),
        ("experiment", ("sets",), ["cuhk03_labeled", 2024, "Straße 7.b+c"]),
        ("train_mnist_siamese", ("invented", "turns"), []),
        ("mnist", ("cells",), ["lr1.0_wd0.0_b5", "lr1e-05_wd0.001_b64"][:1]),
    ],
)
def test_no_real_use_is_refused(section, key, value):
    values = params.read(ROOT / "profiles/paper.yaml")[section]
    params.validate(replaced(values, key, value), MODELS[section], section)


@pytest.mark.parametrize(
    ("section", "key", "value", "told"),
    [
        ("evaluate_san", ("max_rank",), 5, "evaluate_san.max_rank: Input should be greater than or equal to 10"),
        ("evaluate_floor", ("max_rank",), 5, "evaluate_floor.max_rank"),
        (
            "evaluate_system",
            ("metric",),
            {"two_brunch": "cosine"},
            "evaluate_system.metric.two_brunch: Input should be",
        ),
        ("evaluate_open_world", ("shown", "rule"), "tund", "shown.rule: 'tund' is no rule; there are mean + sigmas"),
        ("evaluate_open_world", ("shown", "link"), "dense", "evaluate_open_world.shown.link: no 'dense' under links"),
        ("evaluate_open_world", ("links",), {"a/b": {"by": "members", "nearest": 1}}, "links.a/b: 'a/b' has '/'"),
        ("experiment", ("sets",), [], "experiment.sets: List should have at least 1 item"),
        ("experiment", ("seeds",), [0, 0], "experiment.seeds: 0 stands there twice"),
        ("experiment", ("sets",), [True], "experiment.sets.0: True is no name"),
        (
            "train_san",
            ("optimiser", "warm_up", "factor"),
            9.0,
            "train_san.optimiser.warm_up.factor: 9.0 over 20 epochs",
        ),
        ("synthesize", ("backgrounds",), " ", "synthesize.backgrounds: is empty"),
        ("compare_mnist_cells", ("grids", "published"), {}, "compare_mnist_cells.grids.published"),
        ("report_open_world", ("published",), {"by hand": ["10"]}, "report_open_world.published.by hand"),
        ("extract_attributes", ("file",), "market_attribute.matt", "extract_attributes.file"),
        ("train_mnist_classifier", ("models", "perceptron", "network", "hidden"), 0, "perceptron.network.hidden: "),
    ],
)
def test_the_key_is_named_as_the_user_wrote_it(section, key, value, told):
    values = params.read(ROOT / "profiles/paper.yaml")[section]
    assert told in refusal(section, MODELS[section], replaced(values, key, value))


@pytest.mark.parametrize("name", ["campus", "2024", "campus 1", "a.b+c-d_e", "Straße", "校园", "हिन्दी", "_x"])
def test_a_folder_may_be_named_in_any_script(name):
    assert bounds.name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " a",
        "a ",
        "-a",
        ".a",
        "..",
        "a/b",
        "a\\b",
        "a'b",
        'a"b',
        "a@b",
        "a:b",
        "$a",
        "a\nb",
        "a\tb",
        "a*",
        "x" * 201,
    ],
)
def test_what_would_break_a_path_or_a_shell_is_no_name(name):
    with pytest.raises(ValueError, match=r"is empty|has '|has \"|begins with|longer than"):
        bounds.name(name)


@pytest.mark.parametrize("path", ["", "  ", "a\nb", "\x00"])
def test_what_cannot_be_shown_is_no_place(path):
    with pytest.raises(ValueError, match=r"is empty|no log or page"):
        bounds.place(path)
    for odd in ("/data/My pictures (2024)/$x", "it's", "-a"):
        assert bounds.place(odd) == odd
