"""Enhanced decoding: every token is predicted from the text's embedding and a few other tokens."""

# B texts, T tokens, W width, H heads, S sizes, P predicted tokens, V vocabulary

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from starbench.config.training import Pretraining
from starbench.encoders.families import Block, embeddings_of, encoder_of, family_of, part
from starbench.encoders.layers import attended, fed_forward
from starbench.encoders.masked_lm import projection, transformed
from starbench.errors import InputError
from starbench.sizes import Size
from starbench.stages.pretrain.masking import UNLABELLED
from starbench.stages.pretrain.model import PretrainingModel

HIDDEN_SCORE = -1000.0
"""What is added to the vocabulary scores of padding (the published value)."""

SCORES_AT_ONCE = 2**24
"""Vocabulary scores that the bag of words has in memory at a time."""

Queries = Literal["positions", "embeddings"]


class EnhancedModel(PretrainingModel):
    """RetroMAE (arXiv 2205.12035) and RetroMAE v2 (DupMAE, arXiv 2211.08769), at several sizes.

    For every size s = (l, d), with c_s the first vector of text x and E(x) its tokens' embeddings:

        decoding_s = CE(V(T(D(q, [c_s; E(x)[1:]]))), tokens 1 .. T - 2)
        q_i        = position vector i + c_s, or the embedding layer applied to c_s (RetroMAE v2)
        words_s    = - sum over v of y_v log softmax(max over t > 0 of V(T(h_t)))_v
        loss       = mean over s of MLM_s + decoding_s + w words_s

    y_v is 1 / tokens for each distinct token v of the text. D is one layer that starts at random
    and attends to what `decoder_sees` leaves; E, T and V are the backbone's. c_s is the last
    layer's own vector, as published, or with `cuts` the head's transform T_d of that of the size's
    layer, as in SMAE.

    Source: staoxiao/RetroMAE, src/pretrain/modeling.py and modeling_duplex.py.

    Args:
        masked_lm: the backbone with its head.
        sizes: sizes whose losses are averaged.
        cuts: whether the first vector goes through T_d.
        queries: what the decoder's queries are made of.
        bag_of_words: w; 0 leaves the term out.

    Raises:
        InputError: sizes beyond the backbone, or a family without position vectors.
    """

    def __init__(
        self,
        masked_lm: PreTrainedModel,
        sizes: Sequence[Size],
        cuts: bool,
        queries: Queries = "positions",
        bag_of_words: float = 0.0,
    ) -> None:
        super().__init__(masked_lm, sizes, autoencoder=True)
        self.block = _block_of(masked_lm)
        self.cuts, self.queries, self.bag_of_words = cuts, queries, bag_of_words
        self._layer.apply(masked_lm._init_weights)

    @property
    def _layer(self) -> nn.Module:
        assert self.decoder is not None
        return self.decoder

    def forward(  # type: ignore[override]
        self,
        encoder_ids: Tensor,
        encoder_labels: Tensor,
        decoder_ids: Tensor,
        decoder_labels: Tensor,
        decoder_sees: Tensor,
        attention_mask: Tensor,
    ) -> dict[str, Tensor]:
        """Return the loss, and each size's own terms.

        Args:
            encoder_ids: masked tokens (B, T).
            encoder_labels: what is masked (B, T).
            decoder_ids: the text's tokens (B, T).
            decoder_labels: what is decoded (B, T).
            decoder_sees: (B, T, T), true where a row's position sees a column's.
            attention_mask: 1 where a token is, 0 where there is padding (B, T).

        Returns:
            ``loss``, scalar; ``mlm``, ``decoding`` and, where it is there, ``words``, each (S,).
        """
        hidden = encoder_of(self.masked_lm)(
            input_ids=encoder_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        mlm, mlm_S = self._mlm(hidden, encoder_labels)
        first_SBW = self._first_vectors(hidden) if self.cuts else hidden[-1][None, :, 0]
        decoding, decoding_S = self._decode(first_SBW, decoder_ids, decoder_labels, decoder_sees)
        found = {"loss": mlm + decoding, "mlm": mlm_S, "decoding": decoding_S}
        if self.bag_of_words:
            words_S = torch.stack(
                [
                    self._words(hidden[size.layers], size, decoder_ids, attention_mask)
                    for size in self.sizes
                ]
            )
            found["loss"] = found["loss"] + self.bag_of_words * words_S.mean()
            found["words"] = words_S.detach()
        return found

    def _decode(
        self, first_SBW: Tensor, ids_BT: Tensor, labels_BT: Tensor, sees_BTT: Tensor
    ) -> tuple[Tensor, Tensor]:
        inputs_BTW = embeddings_of(encoder_of(self.masked_lm))(input_ids=ids_BT)
        predicted_BT = labels_BT != UNLABELLED
        states_SPW = [
            self._decoded(first_BW, inputs_BTW, sees_BTT, predicted_BT) for first_BW in first_SBW
        ]
        states = transformed(self.masked_lm, torch.cat(states_SPW), inputs_BTW.shape[-1])
        return self._cross_entropy(states, labels_BT[predicted_BT])

    def _decoded(
        self, first_BW: Tensor, inputs_BTW: Tensor, sees_BTT: Tensor, predicted_BT: Tensor
    ) -> Tensor:
        """Return the decoder's states where something is predicted, (P, W)."""
        first_B1W = first_BW.unsqueeze(1).to(inputs_BTW.dtype)
        read_BTW = torch.cat([first_B1W, inputs_BTW[:, 1:]], dim=1)
        query_BTW = self._queries(first_B1W, read_BTW)
        heads = part(self._layer, self.block.heads)
        dropout = part(self._layer, self.block.attention_dropout)
        query, key, value = (
            part(self._layer, path)(states).unflatten(-1, (heads, -1)).transpose(1, 2)
            for path, states in (
                (self.block.query, query_BTW),
                (self.block.key, read_BTW),
                (self.block.value, read_BTW),
            )
        )
        context_BHTd = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=sees_BTT.unsqueeze(1),
            dropout_p=dropout.p if self.training else 0.0,
        )
        context_PW = context_BHTd.transpose(1, 2).flatten(-2)[predicted_BT]
        states_PW = attended(self._layer, self.block, context_PW, query_BTW[predicted_BT])
        return fed_forward(self._layer, self.block, states_PW)

    def _queries(self, first_B1W: Tensor, read_BTW: Tensor) -> Tensor:
        encoder: Any = encoder_of(self.masked_lm)
        embeddings: Any = embeddings_of(encoder)
        if self.queries == "embeddings":
            queries: Tensor = embeddings(
                input_ids=None, inputs_embeds=first_B1W.expand_as(read_BTW)
            )
            return queries
        padding = family_of(encoder).padding
        before = 0 if padding is None else encoder.config.pad_token_id + 1
        table = embeddings.position_embeddings.weight
        return table[before : before + read_BTW.shape[1]] + first_B1W

    def _words(self, states_BTW: Tensor, size: Size, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """Return a size's loss of the bag of words, the mean over the texts, a scalar."""
        states_BTW = self._transformed(states_BTW[:, 1:], size)
        weight_VW, bias_V = projection(self.masked_lm)
        at_once = max(1, SCORES_AT_ONCE // (len(weight_VW) * states_BTW.shape[1]))
        losses = [
            checkpoint(_word_losses, *parts, weight_VW, bias_V, use_reentrant=False)
            for parts in zip(
                states_BTW.split(at_once),
                mask_BT[:, 1:].split(at_once),
                ids_BT[:, 1:].split(at_once),
                strict=True,
            )
        ]
        return torch.cat(losses).mean()


def _word_losses(
    states_BTW: Tensor, mask_BT: Tensor, ids_BT: Tensor, weight_VW: Tensor, bias_V: Tensor
) -> Tensor:
    """Return each text's cross-entropy of its distinct tokens with its largest scores, (B,).

    Neither the first nor the last token of a text is a word; the first is not given.
    """
    scores_BTV = F.linear(states_BTW, weight_VW, bias_V).float()
    scores_BV = (scores_BTV + HIDDEN_SCORE * (1 - mask_BT).unsqueeze(-1)).amax(dim=1)
    count_B1 = mask_BT.sum(dim=1, keepdim=True) - 1
    word_BT = torch.arange(mask_BT.shape[1], device=mask_BT.device) < count_B1
    # Tokens that are not words write into a column of their own, which is cut off.
    columns_BT = ids_BT.where(word_BT, len(weight_VW))
    there_BV = scores_BV.new_zeros(len(scores_BV), len(weight_VW) + 1)
    there_BV = there_BV.scatter(1, columns_BT, 1.0)[:, :-1]
    return -(there_BV * scores_BV.log_softmax(dim=-1)).sum(dim=-1) / count_B1.squeeze(1).clamp(1)


def _block_of(masked_lm: PreTrainedModel) -> Block:
    """Return the parts of a layer; InputError for a family that has no position vectors to add."""
    encoder: Any = encoder_of(masked_lm)
    block = family_of(encoder).block
    if block is None or block.position_bias is not None:
        raise InputError(
            f"'{encoder.config.model_type}' has no position vectors to add, which enhanced "
            "decoding needs: use smae"
        )
    return block


def retromae(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> EnhancedModel:
    """Return the loss of `retromae`."""
    return EnhancedModel(masked_lm, sizes, cuts=False)


def matryoshka_retromae(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> EnhancedModel:
    """Return the loss of `matryoshka-retromae`."""
    return EnhancedModel(masked_lm, sizes, cuts=True)


def dupmae(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> EnhancedModel:
    """Return the loss of `dupmae`."""
    return EnhancedModel(masked_lm, sizes, False, "embeddings", settings.words_weight)


def matryoshka_dupmae(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> EnhancedModel:
    """Return the loss of `matryoshka-dupmae`."""
    return EnhancedModel(masked_lm, sizes, True, "embeddings", settings.words_weight)
