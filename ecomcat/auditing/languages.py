"""Which languages the texts are in, as far as that is sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecomcat.auditing.shown import shortened
from ecomcat.extras import require_extra
from ecomcat.stopping import raise_if_requested

UNCERTAIN = "uncertain"
_MOST_TEXTS = 3000
_READ_CHARACTERS = 1000
_SURE = 0.9
_LEAST_LETTERS = 20  # names of products look like any language
_EXAMPLES = 3


def languages(texts: Sequence[str], seed: int) -> dict[str, Any]:
    """Count languages among the texts, or among some thousand of them by lot.

    Args:
        texts: distinct texts.
        seed: of the lot.

    Returns:
        How many were `looked_at` of `all`; `counts` by ISO 639 code, and examples of all languages
        but the commonest; a text that is too short or not sure counts as uncertain.

    Raises:
        UserError: when the package py3langid is missing.
    """
    require_extra("audit", "py3langid", needed_for="Looking at languages")
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    random = np.random.default_rng(seed)
    chosen = np.arange(len(texts))
    if len(texts) > _MOST_TEXTS:
        chosen = np.sort(random.choice(len(texts), _MOST_TEXTS, replace=False))
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for number, row in enumerate(chosen.tolist()):
        if number % 500 == 0:
            raise_if_requested()
        language = _language(identifier, texts[row])
        counts[language] += 1
        shown = examples.setdefault(language, [])
        if len(shown) < _EXAMPLES:
            shown.append(shortened(texts[row]))
    ranked = [name for name, _ in counts.most_common() if name != UNCERTAIN]
    return {
        "looked_at": len(chosen),
        "all": len(texts),
        "sure_from": _SURE,
        "counts": dict(counts.most_common()),
        "examples": {name: examples[name] for name in ranked[1:11]},
    }


def _language(identifier: Any, text: str) -> str:
    read = text[:_READ_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    if sum(character.isalpha() for character in read) < _LEAST_LETTERS:
        return UNCERTAIN
    language, confidence = identifier.classify(read)
    return str(language) if confidence >= _SURE else UNCERTAIN
