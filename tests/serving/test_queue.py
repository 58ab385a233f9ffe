"""No request keeps others waiting for long, and none is worked at longer than it is waited for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ecomcat.command_config import ServeCommand
from ecomcat.serving.problems import PROBLEM_JSON
from ecomcat.serving.queue import Answers
from ecomcat.serving.served_model import Model
from tests.serving.pets import CAT, DOG, Asked, Watched, pets_app

LONG = "a long text " * 10_000
TABLE = b"text\n" + b"dog\n" * 2000


def asked_for(**body: Any) -> Asked:
    return Asked("/predict", json.dumps(body).encode())


LARGE = {
    "long texts": lambda: asked_for(texts=[LONG[:90_000]] * 20),
    "explanation": lambda: asked_for(texts=["a dog"] * 10, explain=True),
    "table": lambda: Asked("/label", TABLE, "text/csv"),
}


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE)
def test_a_small_request_does_not_wait_for_all_of_a_large_one(large: Any) -> None:
    classifier = Watched()
    app = pets_app(classifier)

    async def both() -> list[int]:
        first = asyncio.create_task(large().of(app))
        await asyncio.to_thread(classifier.entered.wait, 10)
        second = asyncio.create_task(asked_for(text="small").of(app))
        await asyncio.sleep(0.05)  # until both wait
        classifier.go.set()
        return await asyncio.gather(first, second)

    assert asyncio.run(both()) == [200, 200]
    assert classifier.most_inside == 1
    assert classifier.asked.index(["small"]) <= 2 < len(classifier.asked)


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE)
def test_nothing_is_done_for_a_client_that_has_left(large: Any) -> None:
    classifier = Watched()
    app = pets_app(classifier)

    async def leave() -> int:
        asked = large()
        answering = asyncio.create_task(asked.of(app))
        await asyncio.to_thread(classifier.entered.wait, 10)
        asked.left.set()
        status = await answering
        classifier.go.set()
        assert await asked_for(text="later").of(app) == 200
        return status

    assert asyncio.run(leave()) == 400
    assert len(classifier.asked) == 2  # what was under way, and what was asked later


def test_a_request_that_takes_too_long_is_told_so() -> None:
    classifier = Watched()
    asked = asked_for(text="dog")
    assert asyncio.run(asked.of(pets_app(classifier, max_request_seconds=0.05))) == 503
    assert (asked.headers["content-type"], asked.headers["retry-after"]) == (PROBLEM_JSON, "5")
    classifier.go.set()


def test_of_too_many_requests_the_large_ones_are_refused_first() -> None:
    classifier = Watched()
    app = pets_app(classifier, max_queue=4)

    async def many() -> list[int]:
        waiting = [asyncio.create_task(LARGE["table"]().of(app)) for _ in "12"]
        await asyncio.to_thread(classifier.entered.wait, 10)
        found = [await LARGE["table"]().of(app)]
        waiting += [asyncio.create_task(asked_for(text="dog").of(app)) for _ in "34"]
        await asyncio.sleep(0.05)
        asked = asked_for(text="dog")
        found.append(await asked.of(app))
        assert asked.headers["retry-after"] == "1"
        classifier.go.set()
        return [*found, *await asyncio.gather(*waiting)]

    assert asyncio.run(many()) == [429, 429, 200, 200, 200, 200]


def test_large_bodies_have_room_for_some_of_them_together() -> None:
    classifier = Watched()
    app = pets_app(classifier, max_body_mb=1)

    async def many() -> list[int]:
        content = json.dumps({"texts": [LONG[:90_000]] * 9}).encode()
        waiting = [asyncio.create_task(Asked("/predict", content).of(app)) for _ in range(6)]
        await asyncio.to_thread(classifier.entered.wait, 10)
        small = asyncio.create_task(asked_for(text="dog").of(app))
        await asyncio.sleep(0.05)
        classifier.go.set()
        found = await asyncio.gather(*waiting, small)
        return [*found, await Asked("/predict", content).of(app)]

    assert asyncio.run(many()) == [200, 200, 200, 200, 429, 429, 200, 200]


def test_texts_are_answered_in_their_order_however_they_are_parted() -> None:
    classifier = Watched(go=True)
    answers = Answers(ServeCommand(), Model(classifier, {}))
    texts = ["a dog", "a cat " + 5000 * "long ", "?", ""] * 200

    async def ask() -> list[str | None]:
        with answers.job(is_small=False) as job:
            return [found.label for found in await answers.predict(job, texts)]

    assert asyncio.run(ask()) == [DOG, CAT, None, None] * 200
    assert len(classifier.asked) > 10
    assert answers.close()
