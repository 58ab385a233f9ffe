"""Texts are answered with a category, how sure it is, whether to accept it, and why."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from tests.serving.pets import LABELS, THRESHOLD, Broken, pets_app

URL = "http://127.0.0.1:8000"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client():
    return TestClient(pets_app(), base_url=URL)


@pytest.fixture
def predict(client):
    """Return a function that gives the answer to what is asked."""

    def ask(**asked):
        answer = client.post("/predict", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_one_text_is_answered_by_one_prediction(predict):
    found = predict(text="a dog that barks")
    assert set(found) == {"label", "confidence", "accept", "probabilities"}
    assert found["label"] == "Dogs & <wolves>"
    assert found["confidence"] == round(max(found["probabilities"].values()), 4)
    assert list(found["probabilities"]) == LABELS
    assert sum(found["probabilities"].values()) == pytest.approx(1)


def test_several_texts_are_answered_in_their_order(predict):
    texts = ["a cat", "a dog", "?", "a bird"]
    found = predict(texts=texts)["predictions"]
    assert [one["label"] for one in found] == ["Cats", "Dogs & <wolves>", None, "Birds"]


@pytest.mark.parametrize(
    ("text", "asked", "accept"),
    [
        ("dog dog dog", {}, True),
        ("nothing known", {}, False),
        ("dog dog dog", {"min_precision": 0.5}, True),
        ("dog dog dog", {"min_precision": 0.99}, False),
        ("dog dog dog", {"min_precision": 1}, False),
        ("dog dog dog", {"min_precision": None}, True),
    ],
)
def test_an_answer_is_accepted_from_the_confidence_of_the_precision(predict, text, asked, accept):
    found = predict(text=text, **asked)
    assert found["accept"] is accept
    assert (found["confidence"] >= THRESHOLD) == (text == "dog dog dog")


def test_the_services_own_precision_counts_where_none_is_asked_for():
    client = TestClient(pets_app(min_precision=0.99), base_url=URL)
    assert client.post("/predict", json={"text": "dog dog dog"}).json()["accept"] is False


@pytest.mark.parametrize("text", ["", " ", "?!", "\0", "€ 🐈", "\n\t"], ids=repr)
@pytest.mark.parametrize("explain", [False, True])
def test_a_text_without_a_letter_or_digit_gets_no_label_but_a_reason(predict, text, explain):
    found = predict(text=text, explain=explain)
    words = {"words": []} if explain else {}
    assert found.pop("reason") == ("no letter, mark or digit" if text.strip() else "empty text")
    assert found == {
        "label": None,
        "confidence": None,
        "accept": False,
        "probabilities": None,
        **words,
    }


def test_words_are_told_where_they_are_asked_for_with_positions_in_code_points(predict):
    text = "🐕🐕 a dog, no wolf but a dog"
    words = predict(text=text, explain=True)["words"]
    assert [word["word"] for word in words] == ["dog", "wolf"]
    assert words[0]["spans"] == [[5, 8], [24, 27]]
    assert all(text[start:end] == "dog" for start, end in words[0]["spans"])
    assert words[0]["weight"] > words[1]["weight"]


@pytest.mark.parametrize(
    ("body", "label"),
    [
        (rb'{"text": "dog \ud800"}', "Dogs & <wolves>"),
        (rb'{"text": "\udc00\ud800 dog"}', "Dogs & <wolves>"),
        (b'{"text": "dog \xed\xa0\x80"}', "Dogs & <wolves>"),
        (rb'{"text": "dog \u0000"}', "Dogs & <wolves>"),
        ('{"text": "dog"}'.encode("utf-16"), "Dogs & <wolves>"),
        (b'{"text": "cat", "text": "dog"}', "Dogs & <wolves>"),
        (b'\xef\xbb\xbf{"text": "dog"}', "Dogs & <wolves>"),
    ],
    ids=["surrogate", "surrogates reversed", "surrogate bytes", "NUL", "utf-16", "twice", "mark"],
)
def test_odd_characters_are_answered_in_valid_json(client, body, label):
    found = client.post("/predict", content=body, headers=JSON)
    assert found.status_code == 200, found.text
    assert json.loads(found.content.decode("utf-8"))["label"] == label


@pytest.mark.parametrize(
    ("body", "status", "fragments"),
    [
        (b"", 400, ("JSON",)),
        (b"{", 400, ("JSON",)),
        (b"\xff\xfe\x00", 400, ("JSON",)),
        (b'{"text": NaN}', 400, ("NaN",)),
        (b"[" * 100_000, 400, ("JSON",)),
        (b"9" * 10_000, 400, ("JSON",)),
        (b"[]", 422, ("object", "a list")),
        (b"null", 422, ("object", "null")),
        (b"{}", 422, ("text or texts", "neither")),
        (b'{"text": 3}', 422, ("text:", "string", "found 3")),
        (b'{"text": null}', 422, ("text:", "null")),
        (b'{"texts": []}', 422, ("texts:", "at least 1 item", "a list")),
        (b'{"texts": "dog"}', 422, ("texts:", "list", "a text")),
        (b'{"texts": ["a", 3]}', 422, ("texts.1:", "string", "found 3")),
        (b'{"texts": [["a"]]}', 422, ("texts.0:", "a list")),
        (b'{"text": "a", "texts": ["a"]}', 422, ("exclude each other",)),
        (b'{"text": "a", "expalin": true}', 422, ("expalin",)),
        (rb'{"text": "a", "\ud800": true}', 422, ("?",)),
        (b'{"text": "a", "explain": 1}', 422, ("explain:", "found 1")),
        (b'{"text": "a", "min_precision": 0}', 422, ("min_precision:", "greater than 0")),
        (b'{"text": "a", "min_precision": 1.1}', 422, ("min_precision:", "found 1.1")),
        (b'{"text": "a", "min_precision": 1e999}', 422, ("min_precision:", "a number")),
        (b'{"text": "a", "min_precision": "0.9"}', 422, ("min_precision:", "a text")),
        (b'{"text": "a", "min_precision": true}', 422, ("min_precision:", "true or false")),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_what_is_no_request_is_refused_with_the_reason(client, body, status, fragments):
    found = client.post("/predict", content=body, headers=JSON)
    detail = found.json()["detail"]
    assert found.status_code == status
    assert all(fragment in detail for fragment in fragments), detail


@pytest.mark.parametrize("found", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
def test_another_media_type_is_415(client, found):
    headers = {} if found is None else {"Content-Type": found}
    answer = client.post("/predict", content=b'{"text": "dog"}', headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


def test_a_media_type_may_have_a_charset_and_capitals(client):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/predict", content=b'{"text": "dog"}', headers=headers).status_code == 200


def test_a_fault_of_ours_shows_nothing_of_the_inside():
    client = TestClient(pets_app(Broken()), base_url=URL, raise_server_exceptions=False)
    answer = client.post("/predict", json={"text": "dog"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert client.get("/health").status_code == 200
