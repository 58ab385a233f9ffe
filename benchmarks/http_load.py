"""Ask a running service for the labels of texts, by one client or by several at once."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What the clients of one run saw.

    Args:
        clients: at once, each of which waits for its answer before it asks again.
        seconds: from the first question to the last answer.
        latencies_ms: of each answer.
        errors: what was no answer with status 200, in words.
    """

    clients: int
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def ask(port: int, texts: Sequence[str], clients: int) -> Load:
    """Ask for one text at a time, over connections that are kept open.

    Args:
        port: of the service on 127.0.0.1.
        texts: asked for once each.
        clients: threads among which the texts are dealt.
    """
    load = Load(clients)
    threads = [
        threading.Thread(target=_client, args=(port, texts[number::clients], load))
        for number in range(clients)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - begin
    return load


def _client(port: int, texts: Sequence[str], load: Load) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for text in texts:
        begin = time.perf_counter()
        try:
            body = json.dumps({"text": text})
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                load.errors.append(f"status {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            load.errors.append(repr(error))
            connection.close()
        load.latencies_ms.append(1000 * (time.perf_counter() - begin))
    connection.close()
