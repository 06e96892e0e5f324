"""Every link of the documents that stays in the project leads somewhere, its anchor too."""

import re

from tests.docs import pages

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as forges make them: words in small letters, joined by hyphens."""
    titles = re.findall(r"^#{1,6} (.*)$", pages.FENCE.sub("", text), flags=re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    assert len(set(words)) == len(words), f"two headings have one anchor: {sorted(words)}"
    return {word.replace(" ", "-") for word in words}


def test_links_lead_to_files_and_headings_that_are_there(root):
    looked = 0
    for path in pages.documents(root):
        for target in LINK.findall(pages.FENCE.sub("", path.read_text())):
            if re.match("[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            assert file.is_relative_to(root), f"{path.name}: {target} leads out of the project"
            assert file.exists(), f"{path.name}: {target} leads nowhere"
            if anchor:
                assert anchor in anchors(file.read_text()), f"{path.name}: {target}: no such heading"
            looked += 1
    assert looked > 50


def test_every_page_is_linked_from_the_readme_or_a_page_that_is(root):
    linked, todo = set(), [root / "README.md"]
    while todo:
        path = todo.pop()
        if path in linked:
            continue
        linked.add(path)
        targets = [t.partition("#")[0] for t in LINK.findall(path.read_text()) if not re.match("[a-z]+:", t)]
        todo += [(path.parent / t).resolve() for t in targets if t.endswith(".md")]
    assert sorted(p.name for p in set(pages.documents(root)) - linked) == []
