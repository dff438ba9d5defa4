"""What embedding a text takes, told from a saved model without loading it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from starbench.encoders.modules import transformer_in

LAYER = re.compile(r"\.(\d+)\.")
"""The number of a layer in the name of a weight."""


def layer_weights(folder: Path) -> float:
    """Return the multiply-adds of one layer for one token: the elements of its matrices.

    The mean over the layers of the transformer in a SentenceTransformer folder. Products between
    tokens, in attention, are not in it: they are few unless texts are long.
    """
    from safetensors import safe_open

    elements: dict[str, int] = defaultdict(int)
    for path in sorted(transformer_in(folder, str(folder)).folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                shape, layer = file.get_slice(name).get_shape(), LAYER.search(name)
                if layer is not None and len(shape) == 2:
                    elements[layer[1]] += shape[0] * shape[1]
    return sum(elements.values()) / max(1, len(elements))


def mean_tokens(folder: Path, texts: Sequence[str], longest: int | None) -> float:
    """Return the mean number of tokens of texts, special ones included, cut to the longest."""
    from tokenizers import Tokenizer

    source = transformer_in(folder, str(folder))
    tokenizer = Tokenizer.from_file(str(source.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    most = longest or source.max_length
    counts = [len(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]
    return sum(min(count, most or count) for count in counts) / max(1, len(counts))
