"""Many requests at a time queue for the model, and the service goes on answering."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ecomcat.serving.answers import Answers
from tests.serving.pets import Pets


class Watched(Pets):
    """A classifier that waits to be let go, and counts who is inside at a time."""

    def __init__(self):
        self.inside, self.most_inside = 0, 0
        self.entered, self.go = threading.Event(), threading.Event()

    def probabilities(self, texts):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.set()
        assert self.go.wait(10)
        self.inside -= 1
        return super().probabilities(texts)


async def predict(answers, text):
    (prediction,) = await answers.predict([text], explain=False, min_precision=None)
    return prediction.label


def test_requests_are_answered_one_at_a_time_each_with_its_own_answer():
    classifier = Watched()
    answers = Answers(classifier, 0.98)

    async def many():
        asked = [asyncio.create_task(predict(answers, text)) for text in ["dog", "cat"] * 16]
        await asyncio.to_thread(classifier.entered.wait, 10)
        # The loop is free while the model is at work.
        await asyncio.sleep(0)
        assert not any(task.done() for task in asked)
        classifier.go.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(many()) == ["Dogs & <wolves>", "Cats"] * 16
    assert classifier.most_inside == 1
    answers.close()


def test_a_table_waits_for_its_turn_in_the_same_queue():
    classifier = Watched()
    answers = Answers(classifier, 0.98)

    async def both():
        asked = asyncio.create_task(predict(answers, "dog"))
        table = asyncio.create_task(asyncio.to_thread(answers.probabilities, ["cat"]))
        await asyncio.to_thread(classifier.entered.wait, 10)
        classifier.go.set()
        return await asked, await table

    label, rows = asyncio.run(both())
    assert (label, rows.argmax()) == ("Dogs & <wolves>", 0)
    assert classifier.most_inside == 1
    answers.close()


def test_after_the_end_nothing_is_answered():
    answers = Answers(Pets(), 0.98)
    answers.close()
    with pytest.raises(RuntimeError):
        answers.probabilities(["dog"])
