"""Words as token ids: fitted on training texts alone, most frequent words first.

Id 0 is padding, id 1 any word that the vocabulary lacks. Ids follow frequency, so a smaller
vocabulary is the same encoding with the higher ids read as 1.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ecomcat.text.bounds import bounded

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import PreTokenizer

PADDING_ID, UNKNOWN_ID = 0, 1
PADDING, UNKNOWN = "[PAD]", "[UNK]"
MIN_FREQUENCY = 2  # a word seen once teaches more as a sample of the unknown word

# Scripts written without spaces between words: each letter, with its marks, is a token.
_UNSPACED = "".join(
    rf"\p{{{script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
)
_WORD = rf"[[\p{{L}}\p{{N}}]&&[{_UNSPACED}]]\p{{M}}*|[\p{{L}}\p{{M}}&&[^{_UNSPACED}]]+|\p{{N}}+"


def fit_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """Learn a vocabulary of words.

    A word is a run of letters and marks, or a run of digits, lower-cased after NFKC; punctuation
    separates words and is dropped.

    Args:
        texts: Iterable of strings, the training texts and no others.
        vocabulary_size: Integer. Largest number of ids, padding and unknown included.

    >>> tokenizer = fit_tokenizer(["red shirt", "Red shoe"], vocabulary_size=100)
    >>> encode_texts(tokenizer, ["a red lamp"])
    [[1, 2, 1]]
    """
    from tokenizers import Tokenizer, models, normalizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = _splitter()
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocabulary_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=[PADDING, UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(readable, texts), trainer)
    # A text that holds the words "[PAD]" or "[UNK]" is not to be read as padding.
    return _edited(tokenizer, lambda description: description.update(added_tokens=[]))


def mean_words(texts: Sequence[str]) -> float:
    """Return how many words a text has on average, known or not.

    Args:
        texts: Sequence of strings, at least one.
    """
    split = _splitter().pre_tokenize_str
    return sum(len(split(readable(text))) for text in texts) / len(texts)


def split_words(text: str) -> list[str]:
    """Return the words of a text as a tokenizer of ours sees them, known or not.

    >>> split_words("USB-C cable, 2m")
    ['usb', 'c', 'cable', '2', 'm']
    """
    normalized = unicodedata.normalize("NFKC", readable(text)).lower()
    return [word for word, _ in _splitter().pre_tokenize_str(normalized)]


@cache
def _splitter() -> PreTokenizer:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True)


def deployed_tokenizer(tokenizer: Tokenizer, vocabulary_size: int, max_tokens: int) -> Tokenizer:
    """Return a tokenizer that by itself gives the ids that a model was trained on.

    Args:
        tokenizer: Tokenizer with at least as many words.
        vocabulary_size: Integer. Ids to keep.
        max_tokens: Integer. Tokens to keep of each text.
    """

    def shrink(description: dict[str, Any]) -> None:
        vocabulary = description["model"]["vocab"]
        description["model"]["vocab"] = {
            word: token for word, token in vocabulary.items() if token < vocabulary_size
        }

    smaller = _edited(tokenizer, shrink)
    smaller.enable_truncation(max_length=max_tokens)
    return smaller


def _edited(tokenizer: Tokenizer, edit: Callable[[dict[str, Any]], None]) -> Tokenizer:
    """Return a tokenizer of an edited description."""
    from tokenizers import Tokenizer

    description = json.loads(tokenizer.to_str())
    edit(description)
    return Tokenizer.from_str(json.dumps(description, ensure_ascii=False))


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return token ids of each text, at least one: a text without words is one unknown word."""
    encodings = tokenizer.encode_batch_fast(list(map(readable, texts)))
    return [encoding.ids or [UNKNOWN_ID] for encoding in encodings]


def readable(text: str) -> str:
    """Return what a tokenizer reads of a text: its beginning, which UTF-8 can express."""
    return valid_unicode(bounded(text))


def valid_unicode(text: str) -> str:
    """Replace lone surrogates, which Python's strings may hold and UTF-8 may not."""
    return text.encode("utf-8", "replace").decode("utf-8")
