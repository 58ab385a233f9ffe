"""Texts are answered with a category, how sure it is, whether to accept it, and why."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ecomcat.serving.answers import Answers
from ecomcat.serving.schemas import read_metrics
from tests.serving.pets import LABELS, THRESHOLD, Broken, Pets, client_of, write_export

DOG = "Dogs & <wolves>"


def predict(**asked: Any) -> Any:
    answer = client_of().post("/predict", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_text_is_answered_by_one_prediction_and_several_by_a_list() -> None:
    found = predict(text="a dog that barks")
    assert set(found) == {"label", "confidence", "accept", "probabilities"}
    assert found["label"] == DOG
    assert found["confidence"] == pytest.approx(max(found["probabilities"].values()), abs=1e-4)
    assert list(found["probabilities"]) == LABELS
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    several = predict(texts=["a cat", "a dog", "?", "a bird"])["predictions"]
    assert [one["label"] for one in several] == ["Cats", DOG, None, "Birds"]


@pytest.mark.parametrize(
    ("text", "asked", "accept"),
    [
        ("dog dog dog", {}, True),
        ("nothing known", {}, False),
        ("dog dog dog", {"min_precision": 0.5}, True),
        ("dog dog dog", {"min_precision": 0.99}, False),
        ("dog dog dog", {"min_precision": None}, True),
    ],
)
def test_an_answer_is_accepted_from_the_confidence_of_the_precision(
    text: str, asked: dict[str, Any], accept: bool
) -> None:
    found = predict(text=text, **asked)
    assert found["accept"] is accept
    assert (found["confidence"] >= THRESHOLD) == (text == "dog dog dog")


def test_the_services_own_precision_counts_where_none_is_asked_for() -> None:
    answer = client_of(min_precision=0.99).post("/predict", json={"text": "dog dog dog"})
    assert answer.json()["accept"] is False


class Close(Pets):
    """A classifier whose confidence and threshold differ in the fifth digit."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[0.98004, 0.01996, 0.0]] * len(texts))

    def threshold(self, min_precision: float) -> float | None:
        return 0.98001


def test_a_text_and_a_table_accept_by_one_rule() -> None:
    client = client_of(Close())
    one = client.post("/predict", json={"text": "dog"}).json()["accept"]
    table = client.post("/label", content=b"text\ndog\n", headers={"Content-Type": "text/csv"})
    assert [one, *(row.split(",")[3] for row in table.text.splitlines()[1:])] == [False, "no"]


@pytest.mark.parametrize("text", ["", " ", "?!", "\0", "€ 🐈", "\n\t"], ids=repr)
@pytest.mark.parametrize("explain", [False, True])
def test_a_text_without_a_letter_or_digit_gets_no_label_but_a_reason(
    text: str, explain: bool
) -> None:
    found = predict(text=text, explain=explain)
    assert found.pop("reason") == ("no letter, mark or digit" if text.strip() else "empty text")
    nothing = {"label": None, "confidence": None, "accept": False, "probabilities": None}
    assert found == {**nothing, **({"words": []} if explain else {})}


def test_words_come_where_they_are_asked_for_with_positions_in_code_points() -> None:
    text = "🐕🐕 a dog, no wolf but a dog"
    words = predict(text=text, explain=True)["words"]
    assert [word["word"] for word in words] == ["dog", "wolf"]
    assert words[0]["spans"] == [[5, 8], [24, 27]]
    assert words[0]["weight"] > words[1]["weight"]


@pytest.mark.parametrize(
    ("path", "content"), [("/predict", b'{"text": "dog"}'), ("/label", b"text\ndog\n")]
)
def test_a_fault_of_ours_shows_nothing_of_the_inside(path: str, content: bytes) -> None:
    client = client_of(Broken(), raise_server_exceptions=False)
    media_type = "application/json" if path == "/predict" else "text/csv"
    answer = client.post(path, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == 500
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert client.get("/health").status_code == 200


# What is served


def test_the_service_describes_what_it_serves() -> None:
    assert client_of().get("/model").json() == {
        "labels": LABELS,
        "accept": {"min_precision": 0.98, "min_confidence": 0.9},
        "test": {"accuracy": 0.9543, "macro_f1": 0.95, "coverage": {"0.98": {"coverage": 0.8}}},
        "data_source": "pets.csv",
        "versions": {"ecomcat": "1.0", "keras": "3.15"},
        "limits": {
            "max_body_mb": 16,
            "max_batch": 1000,
            "max_text_characters": 100_000,
            "max_explained": 10,
            "max_table_rows": 100_000,
        },
    }


def test_what_the_figures_do_not_hold_is_null(tmp_path: Any) -> None:
    assert read_metrics(tmp_path) == {}
    assert read_metrics(write_export(tmp_path / "pets"))["data"] == {"source": "pets.csv"}
    found = client_of(metrics={}).get("/model").json()
    assert found["test"] == {"accuracy": None, "macro_f1": None, "coverage": None}
    assert found["data_source"] is None


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
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
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("HEAD", "/", 200),
        ("GET", "/predict", 405),
        ("GET", "/docs", 404),
        ("GET", "/page/page.js", 404),
        ("GET", "/../x", 404),
    ],
)
def test_what_is_there_and_what_is_not(method: str, path: str, status: int) -> None:
    assert client_of().request(method, path).status_code == status


# Many requests at a time queue for the model


class Watched(Pets):
    """A classifier that waits to be let go, and counts who is inside at a time."""

    def __init__(self) -> None:
        self.inside, self.most_inside = 0, 0
        self.entered, self.go = threading.Event(), threading.Event()

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.set()
        assert self.go.wait(10)
        self.inside -= 1
        return super().probabilities(texts)


def test_texts_and_tables_are_answered_one_at_a_time_and_the_loop_stays_free() -> None:
    classifier = Watched()
    answers = Answers(classifier, 0.98)

    async def label_of(text: str) -> str | None:
        (prediction,) = await answers.predict([text], explain=False, min_precision=None)
        return prediction.label

    async def many() -> tuple[list[str | None], Any]:
        asked = [asyncio.create_task(label_of(text)) for text in ["dog", "cat"] * 8]
        table = asyncio.create_task(asyncio.to_thread(answers.probabilities, ["cat"]))
        await asyncio.to_thread(classifier.entered.wait, 10)
        await asyncio.sleep(0)
        assert not any(task.done() for task in asked)
        classifier.go.set()
        return await asyncio.gather(*asked), await table

    found, rows = asyncio.run(many())
    assert (found, rows.argmax()) == ([DOG, "Cats"] * 8, 0)
    assert classifier.most_inside == 1
    answers.close()
    with pytest.raises(RuntimeError):
        answers.probabilities(["dog"])
