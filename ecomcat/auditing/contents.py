"""What is odd in the texts themselves: lengths, leftovers of web pages, broken characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ecomcat.auditing.rows import AuditRows
from ecomcat.auditing.shown import around, shortened
from ecomcat.config import conf_dir
from ecomcat.data.shingles import words_of

_EXAMPLES = 5
_TINY_WORDS = 3
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# What UTF-8 looks like when it was read as Latin-1 or Windows-1252.
_MOJIBAKE = (
    r"\u00c3[\u0080-\u00bf\u0192\u201a-\u201e\u2020-\u2026]|\u00e2\u20ac[\u0080-\uffff]"
    r"|\u00c2[\u00a0-\u00bf]|\u00ef\u00bb\u00bf|\ufffd"
)
_KINDS = {
    "HTML tags": r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300})?/?>|<!--",
    "HTML entities": r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,6});",
    "URLs": r"https?://\S|www\.[a-zA-Z0-9-]{2,}\.",
    "scripts": (
        r"<script|\bfunction\s*\w{0,30}\s*\([^()]{0,100}\)\s*\{|\bvar\s+\w{1,40}\s*=|\$\(\s*['\"#.]"
        r"|\bdocument\.(?:getElement|write|cookie|query)|\bwindow\.\w|\bP\.(?:when|register)\("
    ),
    "style sheets": r"[.#][\w-]{1,40}\s*\{\s*[a-z-]{2,30}\s*:|@media\b",
    "broken characters (mojibake)": _MOJIBAKE,
    "control characters": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]",
}
_GIVEAWAY = {
    # Looked for first, since nearly no text has one.
    "HTML tags": "<",
    "HTML entities": "&",
}


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile(_KINDS[kind])


def default_max_tokens() -> int:
    """Return how many words of a text the default model reads."""
    from omegaconf import DictConfig, OmegaConf

    model = OmegaConf.load(conf_dir() / "model" / "bilstm.yaml")
    assert isinstance(model, DictConfig)
    return int(model.max_tokens)


def contents(rows: AuditRows) -> dict[str, Any]:
    """Measure the distinct texts and look for what does not belong into them.

    Returns:
        `lengths` in words and characters, `tiny` and `gigantic` texts, and the `leftovers` of each
        kind, with how many texts have them and some examples.
    """
    words = np.array([len(words_of(text)) for text in rows.texts], np.int64)
    characters = np.array([len(text) for text in rows.texts], np.int64)
    read = default_max_tokens()
    longer = np.flatnonzero(words > read)
    tiny = np.flatnonzero(words < _TINY_WORDS)
    return {
        "lengths": {
            "words": _quantiles(words),
            "characters": _quantiles(characters),
            "histogram": histogram(words),
        },
        "tiny": {
            "below_words": _TINY_WORDS,
            "texts": len(tiny),
            "examples": [shortened(rows.texts[text]) for text in tiny[: 2 * _EXAMPLES]],
        },
        "gigantic": {
            "above_words": read,
            "texts": len(longer),
            "words_not_read": int((words[longer] - read).sum()),
            "share_not_read": float((words[longer] - read).sum() / max(words.sum(), 1)),
            "examples": [
                {"words": int(words[text]), "text": shortened(rows.texts[text])}
                for text in longer[np.argsort(-words[longer], kind="stable")][:_EXAMPLES]
            ],
        },
        "leftovers": {kind: _leftovers(rows.texts, kind) for kind in _KINDS},
    }


def _quantiles(lengths: np.ndarray) -> dict[str, float]:
    if not len(lengths):
        return {}
    found = np.quantile(lengths, _QUANTILES)
    named = {f"{share:.0%}": float(value) for share, value in zip(_QUANTILES, found, strict=True)}
    return {"mean": float(lengths.mean()), **named}


def histogram(words: np.ndarray) -> list[dict[str, int]]:
    """Count texts by their words, in bins of which each is twice as wide as the last.

    Args:
        words: of each text, shape `(texts,)`.
    """
    if not len(words):
        return []
    bins = np.floor(np.log2(np.maximum(words, 1))).astype(np.int64)
    return [
        {"from": 2**place, "below": 2 ** (place + 1), "texts": int((bins == place).sum())}
        for place in range(int(bins.max()) + 1)
    ]


def _leftovers(texts: Sequence[str], kind: str) -> dict[str, Any]:
    pattern, giveaway = _pattern(kind), _GIVEAWAY.get(kind, "")
    found = 0
    examples: list[str] = []
    for text in texts:
        match = pattern.search(text) if giveaway in text else None
        if match is not None:
            found += 1
            if len(examples) < _EXAMPLES:
                examples.append(around(text, *match.span()))
    return {"texts": found, "examples": examples}
