"""Words as token ids: fitted on training texts alone, most frequent words first.

Id 0 is padding, id 1 any word that the vocabulary lacks. Ids follow frequency, so a smaller
vocabulary is the same encoding with the higher ids read as 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ecomcat.console import counted
from ecomcat.text.bounds import bounded
from ecomcat.text.fields import FIELD_PATTERN, Fields, has_fields

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

Encoded = tuple[list[int], dict[int, str]]  # of a text

PADDING_ID, UNKNOWN_ID = 0, 1
PADDING, UNKNOWN = "[PAD]", "[UNK]"
MIN_FREQUENCY = 2  # a word seen once teaches more as a sample of the unknown word

# Scripts written without spaces between words: each letter, with its marks, is a token.
_UNSPACED = "".join(
    rf"\p{{{script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
)
_ASCII_WORD = re.compile("[a-z]+|[0-9]+")  # what _WORD matches in normalized ASCII
_WORD = rf"[[\p{{L}}\p{{N}}]&&[{_UNSPACED}]]\p{{M}}*|[\p{{L}}\p{{M}}&&[^{_UNSPACED}]]+|\p{{N}}+"


def fit_tokenizer(
    texts: Iterable[str],
    vocabulary_size: int,
    fields: Fields | None = None,
    on_texts: Callable[[int], None] = lambda _texts: None,
) -> Tokenizer:
    """Learn a vocabulary of words.

    A word is a run of letters and marks, or a run of digits, lower-cased after NFKC; punctuation
    separates words and is dropped.

    Args:
        texts: Iterable of strings, only the training texts.
        vocabulary_size: Integer. Largest number of ids, padding and unknown included.
        fields: `Fields`. The fields of composed texts. Defaults to None, for plain texts.
        on_texts: Function that is called with the number of texts in each part that was read.

    >>> tokenizer = fit_tokenizer(["red shirt", "Red shoe"], vocabulary_size=100)
    >>> tokenizer.encode("A red lamp").ids
    [1, 2, 1]
    """
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = _normalizer()
    special = [PADDING, UNKNOWN]
    if fields is None or fields.is_plain:
        tokenizer.pre_tokenizer = _splitter(_WORD)
    else:
        tokenizer.pre_tokenizer, texts = _splitter(), list(texts)
        special += map(normalized, fields.vocabulary(texts))
        texts = map(fields.countable, texts)
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocabulary_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=special,
        show_progress=False,
    )
    tokenizer.train_from_iterator(counted(map(readable, texts), on_texts), trainer)
    # A text that contains the words "[PAD]" or "[UNK]" must not be read as padding.
    return _edited(tokenizer, lambda description: description.update(added_tokens=[]))


def mean_words(texts: Sequence[str]) -> float:
    """Return how many words a text has on average, known or not.

    Args:
        texts: Sequence of strings, at least one.
    """
    return sum(len(split_words(text)) for text in texts) / len(texts)


def split_words(text: str) -> list[str]:
    """Return the words of a text as our tokenizer sees them, known or not.

    >>> split_words("USB-C cable, 2m")
    ['usb', 'c', 'cable', '2', 'm']
    """
    read = normalized(readable(text))
    if _is_simple(read):
        return _ASCII_WORD.findall(read)
    return [word for word, _ in _splitter().pre_tokenize_str(read)]


def normalized(text: str) -> str:
    """Return a text in NFKC and lower-cased, as our tokenizer does it; ASCII takes less long.

    >>> normalized("A Red CAFÉ")
    'a red café'
    """
    return text.lower() if text.isascii() else str(_normalizer().normalize_str(text))


@cache
def _normalizer() -> Normalizer:
    from tokenizers import normalizers

    return normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])


@cache
def _splitter(word: str = f"{FIELD_PATTERN}|{_WORD}") -> PreTokenizer:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(word), behavior="removed", invert=True)


def deployed_tokenizer(tokenizer: Tokenizer, vocabulary_size: int, max_tokens: int) -> Tokenizer:
    """Return a tokenizer that gives the ids that a model was trained on.

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


def vocabulary(tokenizer: Tokenizer) -> list[str]:
    """Return the words of all ids in their order; padding and the unknown word are empty."""
    words = map(tokenizer.id_to_token, range(UNKNOWN_ID + 1, tokenizer.get_vocab_size()))
    return ["", "", *(word or "" for word in words)]


def _edited(tokenizer: Tokenizer, edit: Callable[[dict[str, Any]], None]) -> Tokenizer:
    """Return a tokenizer of an edited description."""
    from tokenizers import Tokenizer

    description = json.loads(tokenizer.to_str())
    edit(description)
    return Tokenizer.from_str(json.dumps(description, ensure_ascii=False))


def is_normalized_as_ours(tokenizer: Tokenizer) -> bool:
    """Tell whether a tokenizer normalizes texts as `normalized` does."""
    return str(tokenizer.normalizer) == str(_normalizer())


class Encoder:
    """Encode texts as a tokenizer does, and name the words that its vocabulary lacks.

    Texts in ASCII, which most are, are split by a regular expression, in a third of the time.

    Args:
        tokenizer: Tokenizer, fitted on training texts.

    >>> tokenizer = fit_tokenizer(["red shirt", "Red shoe"], vocabulary_size=100)
    >>> Encoder(tokenizer).encode(["a red lamp"], max_tokens=512)
    [([1, 2, 1], {0: 'a', 2: 'lamp'})]
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._ids = tokenizer, tokenizer.get_vocab()

    @cached_property
    def _of_normalized(self) -> Tokenizer:
        """The tokenizer without its normalizer: it need not track where each letter comes from."""
        plain = deepcopy(self._tokenizer)
        plain.normalizer = None
        return plain

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[Encoded]:
        """Return for each text its token ids and, by position, the words outside the vocabulary.

        There is at least one id: a text without words is one unknown word.
        """
        read = [normalized(readable(text)) for text in texts]
        others = [text for text in read if not _is_simple(text)]
        encodings = iter(self._of_normalized.encode_batch(others) if others else ())
        return [
            self._of_words(_ASCII_WORD.findall(text)[:max_tokens])
            if _is_simple(text)
            else _of_encoding(text, next(encodings), max_tokens)
            for text in read
        ]

    def _of_words(self, words: Sequence[str]) -> Encoded:
        known = self._ids.get
        ids = [known(word, UNKNOWN_ID) for word in words]
        if UNKNOWN_ID not in ids:
            return ids or [UNKNOWN_ID], {}
        return ids, {place: words[place] for place, token in enumerate(ids) if token == UNKNOWN_ID}


def _is_simple(text: str) -> bool:
    return text.isascii() and not has_fields(text)


def _of_encoding(text: str, encoding: Encoding, max_tokens: int) -> Encoded:
    ids = encoding.ids[:max_tokens]
    if UNKNOWN_ID not in ids:
        return ids or [UNKNOWN_ID], {}
    spans = encoding.offsets
    lacking = [place for place, token in enumerate(ids) if token == UNKNOWN_ID]
    return ids, {place: text[slice(*spans[place])] for place in lacking}


def readable(text: str) -> str:
    """Return the part of a text that a tokenizer reads: its beginning, as valid Unicode."""
    return valid_unicode(bounded(text))


def valid_unicode(text: str) -> str:
    """Replace lone surrogates, which Python's strings may contain but UTF-8 may not."""
    return text.encode("utf-8", "replace").decode("utf-8")
