"""The pre-training loss: masked language modelling at several sizes, and an auto-encoder."""

# B texts, T tokens, W width, S sizes, P predicted tokens

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from starbench.config.training import Pretraining
from starbench.encoders.families import depth_of, encoder_of, final_norm, head_of, width_of
from starbench.encoders.masked_lm import first_layer, projection, transformed
from starbench.sizes import Size, check_sizes
from starbench.stages.pretrain.autoencoder import Predicted, decoded
from starbench.stages.pretrain.cross_entropy import projected_cross_entropy
from starbench.stages.pretrain.masking import UNLABELLED


class PretrainingModel(nn.Module):
    """A masked language model trained at several sizes at once (Starbucks, section 3.2).

    For every size s = (l, d), with h the hidden states of layer l of one encoder pass (with the
    last norm of a pre-norm encoder):

        T_d(h) = LayerNorm(GELU(h[:d] W[:, :d]^T + b))     the head's transform, first d columns
        MLM_s  = CE(V(T_d(h)), encoder labels)             V the tied vocabulary projection
        MAE_s  = CE(V(T(D([T_d(h)[CLS]; E(decoder input)[1:]]))), decoder labels)
        loss   = mean over s of MLM_s, of MAE_s, or with both of (MLM_s + MAE_s) / 2

    D is one layer that starts as the backbone's first; embeddings E and head T, V are shared.

    Args:
        masked_lm: the backbone with its head.
        sizes: sizes whose losses are averaged.
        autoencoder: whether the MAE term is there.
        language: whether the MLM term is there.

    Raises:
        InputError: sizes beyond the backbone, or a family that cannot be pre-trained.
    """

    def __init__(
        self,
        masked_lm: PreTrainedModel,
        sizes: Sequence[Size],
        autoencoder: bool,
        language: bool = True,
    ) -> None:
        super().__init__()
        assert autoencoder or language
        self.language = language
        head_of(masked_lm)
        self.depth = depth_of(masked_lm)
        check_sizes(sizes, self.depth, width_of(masked_lm), "the backbone")
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
            ``loss``, scalar; ``mlm``, (S,), and ``mae``, (S,): those that there are.
        """
        hidden = encoder_of(self.masked_lm)(
            input_ids=encoder_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        terms, logged = [], {}
        if self.language:
            mlm, logged["mlm"] = self._mlm(hidden, encoder_labels)
            terms.append(mlm)
        if self.decoder is not None:
            first_SBW = self._first_vectors(hidden)
            mae, logged["mae"] = self._autoencode(
                first_SBW, decoder_ids, decoder_labels, attention_mask
            )
            terms.append(mae)
        return {"loss": sum(terms[1:], terms[0]) / len(terms), **logged}

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Recompute the encoder's activations in the backward pass (called by the trainer)."""
        self.masked_lm.activation_checkpointing_enable(**options)

    def _transformed(self, states: Tensor, size: Size) -> Tensor:
        """Return T_d of some states of a size's layer, (..., W)."""
        if size.layers < self.depth:  # The last layer's states have been through the norm.
            states = final_norm(encoder_of(self.masked_lm))(states)
        return transformed(self.masked_lm, states, size.dim)

    def _mlm(self, hidden: Sequence[Tensor], labels_BT: Tensor) -> tuple[Tensor, Tensor]:
        predicted_BT = labels_BT != UNLABELLED
        states_PW = [
            self._transformed(hidden[size.layers][predicted_BT], size) for size in self.sizes
        ]
        return self._cross_entropy(torch.cat(states_PW), labels_BT[predicted_BT])

    def _cross_entropy(self, states_PW: Tensor, labels_P: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy over all sizes, and of each, (S,); they follow one another."""
        weight_VW, bias_V = projection(self.masked_lm)
        labels = labels_P.repeat(len(self.sizes))
        mean, losses = projected_cross_entropy(states_PW, weight_VW, bias_V, labels)
        return mean, losses.unflatten(0, (len(self.sizes), -1)).mean(1)

    def _first_vectors(self, hidden: Sequence[Tensor]) -> Tensor:
        """Return T_d of each size's first vector of each text, (S, B, W)."""
        return torch.stack(
            [self._transformed(hidden[size.layers][:, 0], size) for size in self.sizes]
        )

    def _autoencode(
        self, cls_SBW: Tensor, ids_BT: Tensor, labels_BT: Tensor, mask_BT: Tensor
    ) -> tuple[Tensor, Tensor]:
        """MAE loss over all sizes, and of each, (S,); only what is predicted is computed."""
        assert self.decoder is not None
        where = Predicted(labels_BT)
        states_SPW = decoded(self.masked_lm, self.decoder, cls_SBW, ids_BT, mask_BT, where)
        states = transformed(self.masked_lm, states_SPW, states_SPW.shape[-1]).flatten(0, 1)
        return self._cross_entropy(states, labels_BT[where.row_P, where.column_P])


def mlm(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> PretrainingModel:
    """Return the loss of `mlm` and `matryoshka-mlm`."""
    return PretrainingModel(masked_lm, sizes, autoencoder=False)


def smae(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> PretrainingModel:
    """Return the loss of `smae`."""
    return PretrainingModel(masked_lm, sizes, autoencoder=True)


def mae(
    masked_lm: PreTrainedModel, sizes: Sequence[Size], settings: Pretraining
) -> PretrainingModel:
    """Return the loss of `matryoshka-mae`."""
    return PretrainingModel(masked_lm, sizes, autoencoder=True, language=False)
