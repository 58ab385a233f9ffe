"""Texts are answered with a category, how sure it is, whether to accept it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from ecomcat.serving.problems import PROBLEM_JSON
from tests.serving.pets import DOG, LABELS, METRICS, Broken, Offers, Paths, Pets, client_of


def predict(**asked: Any) -> Any:
    answer = client_of().post("/predict", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_text_is_answered_by_one_prediction_and_several_by_a_list() -> None:
    found = predict(text="a dog that barks")
    assert set(found) == {"label", "confidence", "accept", "novel", "probabilities"}
    assert found["label"] == DOG
    assert found["confidence"] == pytest.approx(max(found["probabilities"].values()), abs=1e-4)
    assert list(found["probabilities"]) == [DOG, *(label for label in LABELS if label != DOG)]
    several = predict(texts=["a cat", "a dog", "?", "a bird"])["predictions"]
    assert [one["label"] for one in several] == ["Cats", DOG, None, "Birds"]


def test_an_object_of_fields_may_stand_for_a_text() -> None:
    client = client_of(Offers())
    offer = {"Title": "for cats", "brand": "A\x1edog", "price": 9.5, "description": "a dog, a dog"}
    found = client.post("/predict", json={"text": offer, "explain": True}).json()
    assert found["label"] == DOG
    shown = "[brand:A dog] [price:9.5] [title] for cats [description] a dog, a dog"
    assert found["text"] == shown
    assert [shown[slice(*span)] for span in found["words"][0]["spans"]] == ["dog", "dog", "dog"]
    found = client.post("/predict", json={"text": "a dog", "explain": True}).json()
    assert found["text"][slice(*found["words"][0]["spans"][0])] == "dog"
    found = client.post("/predict", json={"text": {"title": 9}, "explain": True}).json()
    assert found["text"] == "[title] 9"
    several = {"texts": ["a dog", {"price": None}, {}, offer]}
    answers = client.post("/predict", json=several).json()["predictions"]
    assert [each["label"] for each in answers] == [DOG, None, None, DOG]
    assert not any("text" in each for each in answers)
    fields = {"texts": ["title", "description"], "categories": ["brand"], "numbers": ["price"]}
    assert client.get("/model").json()["fields"] == fields
    assert predict(text={"description": "a dog that barks"})["label"] == DOG


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ({"titel": "a dog"}, "found 'titel'. Did you mean 'title'?"),
        ({"title": ["a dog"]}, "Text 0: expected texts and numbers in its fields, found a list"),
        ({"title": {"a": "dog"}}, "found an object in 'title'"),
        ({f"{n}": "" for n in range(101)}, "Text 0: expected at most 100 fields, found 101"),
        ({"title": "a dog", "Title": "a cat"}, "each field once, found 'title', 'Title'"),
        ({"title": "a dog", "brand": "x", "BRAND ": ""}, "each field once, found 'title', 'brand'"),
        ({"title": 60 * "a", "brand": 60 * "b"}, "expected at most 100 characters, found 120"),
    ],
)
def test_an_object_of_other_fields_is_refused(text: Any, detail: str) -> None:
    client = client_of(Offers(), max_text_characters=100)
    answer = client.post("/predict", json={"text": text})
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


class Many(Pets):
    """A classifier of nine categories, the last of which is the likeliest."""

    labels: ClassVar = [f"category {number}" for number in range(9)]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        return np.tile(np.arange(9, dtype=np.float32) / 36, (len(texts), 1))


@pytest.mark.parametrize(
    ("top_k", "shown"), [({}, 5), ({"top_k": 1}, 1), ({"top_k": 40}, 9), ({"top_k": "all"}, 9)]
)
def test_the_likeliest_categories_are_given_five_unless_others_are_asked_for(
    top_k: dict[str, Any], shown: int
) -> None:
    found = client_of(Many()).post("/predict", json={"text": "a", **top_k}).json()
    expected = {f"category {number}": number / 36 for number in range(8, 8 - shown, -1)}
    assert found["probabilities"] == pytest.approx(expected)
    assert list(found["probabilities"]) == list(expected)


@pytest.mark.parametrize(
    ("settings", "asked", "accept"),
    [
        ({}, {"text": "dog dog dog"}, True),
        ({}, {"text": "nothing known"}, False),
        ({}, {"text": "dog dog dog", "min_precision": 0.99}, False),
        ({}, {"text": "dog dog dog", "min_precision": None}, True),
        ({"min_precision": 0.99}, {"text": "dog dog dog"}, False),
        ({"min_precision": 0.99}, {"text": "dog dog dog", "min_precision": 0.5}, True),
    ],
)
def test_an_answer_is_accepted_from_the_confidence_of_the_precision(
    settings: dict[str, Any], asked: dict[str, Any], accept: bool
) -> None:
    assert client_of(**settings).post("/predict", json=asked).json()["accept"] is accept


def test_of_a_taxonomy_the_levels_are_given_and_what_of_the_path_is_accepted() -> None:
    texts = ["a dog, a cat", "dog dog dog", "bird bird", "?"]
    found = client_of(Paths()).post("/predict", json={"texts": texts}).json()["predictions"]
    assert [each["accept"] for each in found] == [False, True, True, False]
    assert [each["accepted_path"] for each in found] == ["Pets", *Paths.labels[1:], None]
    assert [each["accepted_level"] for each in found] == [1, 2, 3, None]
    assert [each["name"] for each in found[2]["levels"]] == ["Wild", "Birds", "Of prey"]
    first, second = (each["confidence"] for each in found[0]["levels"])
    assert first > 0.9 > second == found[0]["confidence"]
    assert found[3]["levels"] is None
    assert "levels" not in predict(text="a dog") and "accepted_path" not in predict(text="a dog")
    assert client_of(Paths()).get("/model").json()["label_separator"] == " > "
    assert client_of().get("/model").json()["label_separator"] is None


def test_a_table_gets_the_accepted_path_and_the_levels_where_they_are_asked_for() -> None:
    headers = {"Content-Type": "text/csv"}
    ask = {"content": "description\na dog, a cat\n", "headers": headers}
    client = client_of(Paths())
    plain, levels = (client.post(f"/label{query}", **ask).text for query in ("", "?levels=true"))
    added = "accept,accepted_path,accepted_level,novel,reason"
    names = f"description,predicted_category,confidence,{added}"
    assert plain.splitlines()[0] == names
    assert ",no,Pets,1," in plain.splitlines()[1]
    assert "level_1,confidence_level_1,level_2,confidence_level_2,level_3" in levels
    refused = client_of().post("/label?levels=true", **ask)
    assert refused.status_code == 422
    assert "expected a model whose categories are paths" in refused.json()["detail"]


def test_a_novel_text_is_said_and_not_accepted_unless_none_is_to_be() -> None:
    asked = {"text": "nothing known", "min_precision": 0.5}
    threshold = Pets()
    threshold.thresholds = lambda _: np.zeros(3)  # type: ignore[method-assign]
    found = client_of(threshold).post("/predict", json=asked).json()
    assert (found["novel"], found["accept"]) == (True, False)
    found = client_of(threshold, max_false_alarms=0).post("/predict", json=asked).json()
    assert (found["novel"], found["accept"]) == (False, True)


@pytest.mark.parametrize("text", ["", " ", "?!", "\0", "€ 🐈", "\n\t"], ids=repr)
def test_a_text_without_a_letter_or_digit_gets_no_label_but_a_reason(text: str) -> None:
    reason = "no letter, mark or digit" if text.strip() else "empty text"
    nothing = {"label": None, "confidence": None, "accept": False, "novel": False}
    nothing |= {"probabilities": None}
    assert predict(text=text) == {**nothing, "reason": reason}
    assert predict(text=text, explain=True) == {**nothing, "words": [], "reason": reason}


def test_words_come_where_they_are_asked_for_with_positions_in_code_points() -> None:
    words = predict(text="🐕🐕 a dog, no wolf but a dog", explain=True)["words"]
    assert [word["word"] for word in words] == ["dog", "wolf"]
    assert words[0]["spans"] == [[5, 8], [24, 27]]
    assert words[0]["weight"] > words[1]["weight"]


@pytest.mark.parametrize(
    ("path", "media_type", "content"),
    [("/predict", "application/json", b'{"text": "dog"}'), ("/label", "text/csv", b"text\ndog\n")],
)
def test_a_fault_of_ours_shows_nothing_of_the_inside(
    path: str, media_type: str, content: bytes
) -> None:
    client = client_of(Broken())
    answer = client.post(path, content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM_JSON)
    assert answer.json() == {
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The service failed; its log says why.",
    }
    assert client.get("/health").json() == {"status": "ok"}


def test_the_service_describes_what_it_serves_and_what_it_does_not_know_is_null() -> None:
    known, unknown = (client_of(metrics=metrics).get("/model").json() for metrics in (METRICS, {}))
    assert known["labels"] == unknown["labels"] == LABELS
    assert known["accept"] == {
        "min_precision": 0.98,
        "confidence_level": 0.9,
        "max_false_alarms": 0.05,
        "min_confidence": 0.9,
    }
    assert known["limits"]["max_batch"] == 1000
    assert METRICS["test"] == known["test"]
    assert (known["data_source"], unknown["data_source"]) == ("pets.csv", None)
    assert (known["versions"], unknown["versions"]) == (METRICS["versions"], {})
    assert unknown["test"] == {"accuracy": None, "macro_f1": None, "coverage": None}


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/page.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
    ],
)
def test_the_page_needs_nothing_from_another_host(path: str, media_type: str) -> None:
    answer = client_of().get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/health", 200),
        ("HEAD", "/", 200),
        ("GET", "/predict", 405),
        ("GET", "/docs", 404),
        ("GET", "/page/../app.py", 404),
        ("GET", "/page/%2e%2e/app.py", 404),
    ],
)
def test_what_is_there_and_what_is_not(method: str, path: str, status: int) -> None:
    answer = client_of().request(method, path)
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == PROBLEM_JSON
        assert answer.json()["status"] == status
