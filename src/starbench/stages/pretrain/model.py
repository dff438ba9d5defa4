"""The pre-training loss: masked language modelling at several sizes, and an auto-encoder."""

# B texts, T tokens, W width, H heads, S sizes, P predicted tokens, M most predicted in one text

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertForMaskedLM

from starbench.encoders.families import embeddings_of, encoder_of
from starbench.encoders.masked_lm import first_layer, projection, transformed
from starbench.sizes import Size, check_sizes
from starbench.stages.pretrain.cross_entropy import projected_cross_entropy
from starbench.stages.pretrain.masking import UNLABELLED


class PretrainingModel(nn.Module):
    """A masked language model trained at several sizes at once (Starbucks, section 3.2).

    For every size s = (l, d), with h the hidden states of layer l of one encoder pass:

        T_d(h) = LayerNorm(GELU(h[:d] W[:, :d]^T + b))     the head's transform, first d columns
        MLM_s  = CE(V(T_d(h)), encoder labels)             V the tied vocabulary projection
        MAE_s  = CE(V(T(D([T_d(h)[CLS]; E(decoder input)[1:]]))), decoder labels)
        loss   = mean over s of MLM_s, or of (MLM_s + MAE_s) / 2 with the auto-encoder

    D is one BERT layer that starts as the backbone's first; embeddings E and head T, V are shared.

    Args:
        masked_lm: the backbone with its head.
        sizes: sizes whose losses are averaged.
        autoencoder: whether the MAE term is there.
    """

    def __init__(
        self, masked_lm: BertForMaskedLM, sizes: Sequence[Size], autoencoder: bool
    ) -> None:
        super().__init__()
        config = masked_lm.config
        check_sizes(sizes, config.num_hidden_layers, config.hidden_size, "the backbone")
        self.masked_lm, self.sizes = masked_lm, list(sizes)
        self.decoder = copy.deepcopy(first_layer(masked_lm)) if autoencoder else None

    def forward(
        self,
        encoder_ids: Tensor,
        encoder_labels: Tensor,
        decoder_ids: Tensor,
        decoder_labels: Tensor,
        attention_mask: Tensor,
    ) -> dict[str, Tensor]:
        """Return the loss, and each size's own terms; all arguments have shape (B, T).

        Returns:
            ``loss``, scalar; ``mlm``, (S,); ``mae``, (S,), with the auto-encoder only.
        """
        hidden = encoder_of(self.masked_lm)(
            input_ids=encoder_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        mlm, mlm_S = self._mlm(hidden, encoder_labels)
        if self.decoder is None:
            return {"loss": mlm, "mlm": mlm_S}
        cls_SBW = torch.stack(
            [
                transformed(self.masked_lm, hidden[size.layers][:, 0], size.dim)
                for size in self.sizes
            ]
        )
        mae, mae_S = self._autoencode(cls_SBW, decoder_ids, decoder_labels, attention_mask)
        return {"loss": (mlm + mae) / 2, "mlm": mlm_S, "mae": mae_S}

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Recompute the encoder's activations in the backward pass (called by the trainer)."""
        self.masked_lm.activation_checkpointing_enable(**options)

    def _mlm(self, hidden: Sequence[Tensor], labels_BT: Tensor) -> tuple[Tensor, Tensor]:
        predicted_BT = labels_BT != UNLABELLED
        states_PW = [
            transformed(self.masked_lm, hidden[size.layers][predicted_BT], size.dim)
            for size in self.sizes
        ]
        return self._cross_entropy(torch.cat(states_PW), labels_BT[predicted_BT])

    def _cross_entropy(self, states_PW: Tensor, labels_P: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy over all sizes, and of each, (S,); they follow one another."""
        to_vocabulary = projection(self.masked_lm)
        labels = labels_P.repeat(len(self.sizes))
        mean, losses = projected_cross_entropy(
            states_PW, to_vocabulary.weight, to_vocabulary.bias, labels
        )
        return mean, losses.unflatten(0, (len(self.sizes), -1)).mean(1)

    def _autoencode(
        self, cls_SBW: Tensor, ids_BT: Tensor, labels_BT: Tensor, mask_BT: Tensor
    ) -> tuple[Tensor, Tensor]:
        """MAE loss over all sizes, and of each, (S,), from one pass of the decoder layer.

        The sizes' inputs differ in the first position alone, which is never predicted. So
        queries, keys and values of all others are computed once, and only where something is
        predicted does anything follow; each size adds its own first key and value.
        """
        assert self.decoder is not None
        inputs_BTW = embeddings_of(encoder_of(self.masked_lm))(input_ids=ids_BT)
        where = _Predicted(labels_BT)
        queried_BMW = where.gather(inputs_BTW)
        context_SBMW = self._attend(queried_BMW, inputs_BTW, cls_SBW, mask_BT)
        context_SPW = context_SBMW[:, where.real_BM]
        attention, layer = self.decoder.attention.output, self.decoder
        residual_SPW = queried_BMW[where.real_BM].expand_as(context_SPW)
        attended_SPW = attention(context_SPW, residual_SPW)
        states_SPW = layer.output(layer.intermediate(attended_SPW), attended_SPW)
        states = transformed(self.masked_lm, states_SPW, states_SPW.shape[-1]).flatten(0, 1)
        return self._cross_entropy(states, labels_BT[where.row_P, where.column_P])

    def _attend(
        self, queried_BMW: Tensor, inputs_BTW: Tensor, cls_SBW: Tensor, mask_BT: Tensor
    ) -> Tensor:
        """Attention of the queried positions over each size's sequence: (S, B, M, W).

        softmax over [first; others] is a mixture: others with weight 1 - w, the first with
        weight w = sigmoid(score of the first - logsumexp of the others' scores).
        """
        assert self.decoder is not None
        attend = self.decoder.attention.self
        heads, scale = attend.num_attention_heads, attend.scaling
        query_BHMd = _by_head(attend.query(queried_BMW), heads)
        key_BHTd = _by_head(attend.key(inputs_BTW[:, 1:]), heads)
        value_BHTd = _by_head(attend.value(inputs_BTW[:, 1:]), heads)
        scores_BHMT = (query_BHMd @ key_BHTd.transpose(-1, -2)).float() * scale
        hidden_B11T = mask_BT[:, None, None, 1:] == 0
        scores_BHMT = scores_BHMT.masked_fill(hidden_B11T, -torch.inf)
        others_BHM1 = scores_BHMT.logsumexp(-1, keepdim=True)
        weights_BHMT = attend.dropout((scores_BHMT - others_BHM1).exp())
        others_BHMd = weights_BHMT.to(value_BHTd.dtype) @ value_BHTd

        first_key_SBHd = attend.key(cls_SBW).unflatten(-1, (heads, -1))
        first_value_SBHd = attend.value(cls_SBW).unflatten(-1, (heads, -1))
        first_SBHM1 = torch.einsum("bhmd,sbhd->sbhm", query_BHMd, first_key_SBHd).unsqueeze(-1)
        w_SBHM1 = (first_SBHM1.float() * scale - others_BHM1).sigmoid()
        context_SBHMd = (1 - w_SBHM1) * others_BHMd + attend.dropout(
            w_SBHM1
        ) * first_value_SBHd.unsqueeze(-2)
        return context_SBHMd.transpose(2, 3).flatten(-2).to(inputs_BTW.dtype)


class _Predicted:
    """Where a batch has labels: row and column of each (P,), and the same padded a row (B, M)."""

    def __init__(self, labels_BT: Tensor) -> None:
        predicted_BT = labels_BT != UNLABELLED
        self.row_P, self.column_P = predicted_BT.nonzero(as_tuple=True)
        counts_B = predicted_BT.sum(1)
        most = int(counts_B.max())
        self.real_BM = torch.arange(most, device=labels_BT.device) < counts_B.unsqueeze(1)
        self.column_BM = torch.zeros(self.real_BM.shape, dtype=torch.long, device=labels_BT.device)
        self.column_BM[self.real_BM] = self.column_P

    def gather(self, states_BTW: Tensor) -> Tensor:
        """Return the states of the predicted positions, (B, M, W); what pads a row is the first."""
        index_BMW = self.column_BM.unsqueeze(-1).expand(-1, -1, states_BTW.shape[-1])
        return states_BTW.gather(1, index_BMW)


def _by_head(states: Tensor, heads: int) -> Tensor:
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)
