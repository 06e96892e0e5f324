"""The files that every evaluation of a re-ID network leaves, sorted; pages and `make compare` read them."""

FILES = [
    "cmc.csv",
    "failures.jpg",
    "failures.json",
    "looks.jpg",
    "metrics.json",
    "queries.csv",
    "ranked.jpg",
    "roc.csv",
    "verification.json",
]
