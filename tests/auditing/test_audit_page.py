"""The audit's page in Chromium: every chart is drawn, and no text of the data does anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from audit_material import HARM, audit_file, plain_rows, write_rows

from tests.browser import Page, opened_file, require_browser

pytestmark = pytest.mark.slow
SECTIONS = [
    *("What was found", "Against the second file", "Suspicious labels"),
    *("Repeats and contradictions", "Near-duplicates", "What a leaking split hides"),
    "What more texts would bring",
    *("Texts", "Languages", "Categories", "What to do next"),
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    require_browser()
    folder = tmp_path_factory.mktemp("audit")
    long = " ".join(f"word{n}" for n in range(30))
    rows = [(f"{HARM} {text}", label.replace("Toys", HARM)) for text, label in plain_rows(200)]
    rows += [(f"{HARM} {long} {n}", label) for n, label in enumerate(("Books", HARM) * 3)]
    rows += [(f"{HARM} a tie", "Books"), (f"{HARM} a tie", HARM), (HARM, "rare"), rows[0]]
    first = write_rows(folder / "shop.csv", rows)
    second = write_rows(folder / "later.csv", [*rows[:30], (f"{HARM} unseen", "Books")])
    audit_file(first, folder / "out", against=str(second), splits=2)
    chromium = tmp_path_factory.mktemp("chromium")
    with opened_file(folder / "out" / "shop" / "audit.html", chromium) as page:
        yield page


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    opened.open()
    yield opened
    opened.require_harmless()


def test_every_section_and_chart_is_there_and_what_to_type_next(page: Page) -> None:
    assert page.texts("h2") == SECTIONS
    assert page.count(".chart[data-drawn]") == 3
    assert page.count(".chart .bars path") > 4
    command, option = page.texts("pre")
    assert command.startswith("python -m ecomcat.search data=csv data.path=")
    assert option == "data.group_near_duplicates=true"


def test_a_harmful_text_is_shown_and_does_nothing(page: Page) -> None:
    assert page.run("return document.title").startswith("Audit of shop")
    assert HARM in page.run("return document.querySelector('main').textContent")
    assert page.count("img, main script:not([type='application/json'])") == 0
    page.open(390)
    assert page.too_wide() == []
