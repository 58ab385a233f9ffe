"""The page, in Chromium: what is pasted is answered, and a file comes back labelled."""

from __future__ import annotations

import pytest

from tests.browser import Page, browser, require_browser
from tests.serving.pets import SLOW, Offers, Paths, listening_pets, served_pets

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def driver(tmp_path_factory, folder):
    """Return a browser whose `url` is the service's."""
    require_browser()
    served = served_pets(tmp_path_factory.mktemp("served"), "max_body_mb=1")
    with served as (_, url), browser(folder) as chromium:
        chromium.url = url
        yield chromium


class Served(Page):
    """The page as its reader uses it."""

    def ask(self, text):
        # The driver cannot type every character; the page's own events follow.
        self.run("document.getElementById('text').value = arguments[0]", text)
        self.find("#ask-button").click()
        self.wait(lambda: self.find("#ask-button").is_enabled())

    def send(self, file, content):
        file.write_bytes(content)
        self.find("#file").send_keys(str(file))
        self.wait(lambda: not self.find("#file-progress").is_displayed())


@pytest.fixture
def page(driver):
    """Return the page, freshly opened; at its end nothing has gone wrong or left the machine."""
    opened = Served(driver, driver.url, lambda page: page.text("#figures"))
    opened.open()
    yield opened
    opened.require_harmless(" 422 ")


def test_a_pasted_text_is_answered_with_bars_the_likeliest_first(page):
    assert page.text("#figures") == (
        "3 categories · 95.4% right on texts it had not seen · accepted where 98% is asked, 98.1% "
        "promised: 80% (70% to 88%) · of these 99% (96% to >99.9%) right"
    )
    assert page.text("#source") == "Trained on pets.csv"
    page.ask("dog dog dog cat")
    assert page.text("#label") == "Dogs & <wolves>"
    assert page.texts("#bars li > span:first-child") == ["Dogs & <wolves>", "Cats", "Birds"]
    shares = [float(text.strip("<>%")) for text in page.texts("#bars li > span:nth-child(2)")]
    assert shares == sorted(shares, reverse=True)
    fills = page.driver.find_elements("css selector", "#bars .fill")
    widths = [page.run("return arguments[0].offsetWidth", fill) for fill in fills]
    assert widths == sorted(widths, reverse=True) and widths[0] > 10 * widths[2]


def test_a_model_of_several_fields_has_a_place_for_each(driver):
    with listening_pets(Offers()) as (host, port):
        page = Served(driver, f"http://{host}:{port}", lambda page: page.text("#figures"))
        page.open()
        assert page.text("#ask-title") == "title"
        assert page.texts("#fields label") == ["description", "brand", "price"]
        page.find("#fields input[name=brand]").send_keys("Dog <b>")
        page.ask("")
        assert page.text("#label") == "Cats"  # as nothing is said of it
        page.find("#fields input[name=description]").send_keys("a dog, a dog")
        page.ask("for cats")
        assert page.text("#label") == "Dogs & <wolves>"
        shown = "[brand:Dog <b>] [title] for cats [description] a dog, a dog"
        assert page.run("return document.getElementById('marked').textContent") == shown
        assert page.texts("#marked mark") == ["dog", "dog"]
        page.require_harmless()


def test_a_path_has_a_bar_for_each_level_and_those_accepted_stand_out(driver):
    with listening_pets(Paths()) as (host, port):
        page = Served(driver, f"http://{host}:{port}", lambda page: page.text("#figures"))
        page.open()
        page.ask("a dog, a cat")
        assert page.text("#verdict") == "✓ Accepted in part"
        assert "sure of “Pets” are right 98% of the time" in page.text("#verdict-reason")
        assert page.texts("#levels li > span:first-child") == ["Pets", "Cats"]
        assert page.texts("#levels li.accepted > span:first-child") == ["Pets"]
        page.ask("?!")
        assert not page.find("#levels").is_displayed()
        page.require_harmless()


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ("dog dog dog", "✓ Accepted", "right 98% of the time."),
        ("dog", "Needs a check", "Only answers of 90% and more are right 98% of the time."),
        ("?!", "", "No category: no letter, mark or digit."),
    ],
    ids=["sure", "unsure", "unreadable"],
)
def test_it_shows_whether_the_answer_is_accepted_and_at_which_precision(
    page, text, verdict, reason
):
    page.ask(text)
    assert page.text("#verdict") == verdict
    assert page.text("#verdict-reason").endswith(reason)
    assert page.find("#words").is_displayed() == (verdict != "")


def test_the_words_that_support_it_are_highlighted_also_behind_an_emoji(page):
    text = "🐕🐕 A dog is no wolf.\nBut a dog can bark"
    page.ask(text)
    assert page.texts("#marked mark") == ["dog", "wolf", "dog", "bark"]
    assert page.run("return document.getElementById('marked').textContent") == text
    script = "return [...document.querySelectorAll('#marked mark')].map(x => x.dataset.strength)"
    strengths = page.run(script)
    assert strengths[0] == strengths[2] == "4" > strengths[1]


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>document.title = 'dog'</script>",
        "<img src=x onerror=\"document.title = 'dog'\">",
        "</textarea></p><b>dog</b> &lt;dog&gt;",
    ],
)
def test_markup_in_a_text_is_text(page, text):
    page.ask(text)
    assert page.run("return document.getElementById('marked').textContent") == text
    assert page.run("return document.title") == "ecomcat"
    assert page.texts("main script, main img, main b") == []


def test_it_can_be_used_by_the_keyboard_and_heard(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    assert page.run("return document.activeElement.id") == "text"
    page.find("#text").send_keys("a bird", Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: page.text("#label") == "Birds")
    visited = []
    for _ in range(3):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        visited.append(page.run("return document.activeElement.id"))
    assert visited == ["ask-button", "file", "column"]
    roles = {"#summary": "status", "#ask-error": "alert", "#file-error": "alert"}
    assert {each: page.find(each).get_attribute("role") for each in roles} == roles
    assert page.run("return [...document.querySelectorAll('textarea')].every(x => x.labels.length)")


def test_a_file_comes_back_labelled_as_a_download(page, folder):
    page.send(folder / "pets.csv", b"id,description\n1,a dog\n2,a cat\n")
    assert page.text("#file-status") == "pets.csv is labelled."
    downloaded = folder / "downloads" / "pets-labelled.csv"
    page.wait(downloaded.exists)
    header, first, _ = downloaded.read_text("utf-8").splitlines()
    assert header.startswith("id,description,predicted_category")
    assert first.startswith("1,a dog,Dogs & <wolves>")


def test_a_file_that_cannot_be_labelled_is_answered_with_the_reason(page, folder):
    page.send(folder / "three.csv", b"a,b,c\n1,2,dog\n")
    assert "text_column" in page.text("#file-error")
    assert not page.find("#download").is_displayed()
    page.find("#column").send_keys("c")
    page.send(folder / "three.csv", b"a,b,c\n1,2,dog\n")
    assert page.text("#file-error") == ""
    assert page.find("#download").is_displayed()
    page.send(folder / "large.csv", b"text\n" + b"dog\n" * 300_000)
    assert "at most 1 MB, found 1.2 MB" in page.text("#file-error")


def test_a_file_under_way_can_be_given_up(page, folder):
    file = folder / "slow.csv"
    file.write_text(f"description\na dog, {SLOW}\n", encoding="utf-8")
    page.find("#file").send_keys(str(file))
    page.find("#cancel").click()
    page.wait(lambda: page.text("#file-status") == "Cancelled.")
    assert not page.find("#download").is_displayed()


@pytest.mark.parametrize("width", [320, 1200])
def test_no_width_makes_it_scroll_sideways(page, width):
    page.open(width)
    page.ask("dog " * 20 + "x" * 300)
    assert page.run("return document.documentElement.scrollWidth") <= width
