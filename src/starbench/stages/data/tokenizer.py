"""The tokenizer of a checkpoint: there, and of the same vocabulary as the encoder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from starbench.encoders.families import family_of
from starbench.encoders.positions import padding_not_counted
from starbench.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

LAYOUTS = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))
"""Files that are a tokenizer, together."""

ENGLISH = "The man and the woman see a small red bird in the old house near the river ."
RARE = "\u2603"
"""A character that few vocabularies have: it must become the unknown token, or bytes."""


def refuse_without_tokenizer(folder: Path, what: str) -> None:
    """Raise InputError for a checkpoint without the files of a tokenizer."""
    if not any(all((folder / name).is_file() for name in names) for names in LAYOUTS):
        choices = ", ".join(" with ".join(names) for names in LAYOUTS)
        raise InputError(
            f"{what} has no tokenizer ({choices}); a sentencepiece model becomes tokenizer.json "
            "when transformers' AutoTokenizer loads it and saves it again"
        )


def give_padding(folder: Path, model: PreTrainedModel, what: str) -> None:
    """Let a decoder's tokenizer without a padding token pad with its end token.

    Nothing sees what is padding: it is behind the text, where the attention mask hides it. Raises
    InputError for a tokenizer that cannot be loaded.
    """
    if not family_of(model).causal:
        return
    tokenizer = _loaded(folder, what)
    if tokenizer.pad_token_id is not None or tokenizer.eos_token_id is None:
        return
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    settings["pad_token"] = str(tokenizer.eos_token)
    path.write_text(json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8")
    log.info("%s: its tokenizer has no padding token: %s pads", what, tokenizer.eos_token)


def check_tokenizer(folder: Path, model: PreTrainedModel, masks: bool, what: str) -> None:
    """Check that a checkpoint's tokenizer gives what its encoder was made for.

    Args:
        folder: the files of the tokenizer.
        model: the encoder.
        masks: whether it is pre-trained with masked words.
        what: what to call the checkpoint in an error.

    Raises:
        InputError: a tokenizer that cannot be loaded, that has ids beyond the embeddings, lacks
            special tokens, or knows no plain English; a config.json that has another padding, in
            an encoder that counts positions by it.
    """
    tokenizer = _loaded(folder, what)
    rows = model.get_input_embeddings().weight.shape[0]
    beyond = {number: token for token, number in tokenizer.get_vocab().items() if number >= rows}
    if beyond:
        raise InputError(
            f"{what}: its tokenizer has {len(beyond)} ids beyond the {rows} rows of the encoder's "
            f"embeddings, e.g. {beyond[min(beyond)]!r} with {min(beyond)}"
        )
    framed = family_of(model).framed
    needed = ["pad", *(("cls", "sep") if framed else ()), *(("mask",) if masks else ())]
    for kind in needed:
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise InputError(f"{what}: its tokenizer has no {kind}_token, which the run needs")
    _check_encoding(tokenizer, framed, what)
    _check_padding(tokenizer, model, what)


def _loaded(folder: Path, what: str) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    # Whatever the files hold, the libraries may raise anything over it.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{what}: its tokenizer cannot be loaded: {reason}") from error
    return tokenizer


def _check_encoding(tokenizer: PreTrainedTokenizerBase, framed: bool, what: str) -> None:
    try:
        ids = tokenizer(ENGLISH)["input_ids"]
        tokenizer(RARE)
    # The library raises plain Exceptions.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{what}: its tokenizer cannot encode a text: {reason}") from error
    if framed and (ids[:1], ids[-1:]) != ([tokenizer.cls_token_id], [tokenizer.sep_token_id]):
        raise InputError(
            f"{what}: its tokenizer does not put {tokenizer.cls_token} before and "
            f"{tokenizer.sep_token} behind a text, as encoders of this type need"
        )
    if set(ids) <= {tokenizer.unk_token_id, *tokenizer.all_special_ids}:
        raise InputError(
            f"{what}: its tokenizer knows no word of a plain English sentence (all of it becomes "
            f"{tokenizer.unk_token}): is it the one of another model?"
        )


def _check_padding(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, what: str) -> None:
    """Compare the padding of config.json with the tokenizer's.

    The embedding of the config's padding gets no gradient, and RoBERTa and its kin count positions
    over all other tokens. What embeddings come out depends on the latter alone.
    """
    ours, theirs = getattr(model.config, "pad_token_id", None), tokenizer.pad_token_id
    fixed = padding_not_counted(model)
    if fixed is not None and fixed != theirs and ours == theirs:
        raise InputError(
            f"{what}: its tokenizer pads with {theirs}, encoders of type {model.config.model_type} "
            f"count no position for {fixed}: positions would be counted wrongly"
        )
    if ours is None or ours == theirs:
        return
    differ = (
        f"{what}: config.json has pad_token_id {ours}, which is "
        f"{tokenizer.convert_ids_to_tokens(ours)!r}, its tokenizer pads with {theirs}, "
        f"{tokenizer.pad_token!r}"
    )
    if fixed is not None:
        raise InputError(f"{differ}: positions would be counted wrongly; correct config.json")
    log.warning("%s: no training changes the embedding of the former", differ)
