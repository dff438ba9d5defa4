"""The faster attention of processors gives what the fused kernel gives, causal or not."""

import pytest
import torch

from starbench.encoders.attention import NAME, attend, use_fast_attention
from tests.families import models


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "llama", "qwen3"])
@pytest.mark.parametrize("padded", [False, True])
def test_training_in_bfloat16_gives_the_states_of_the_fused_kernel(family, padded, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # As many keys as queries: what has fewer goes to the fused kernel anyway.
    changes = {"num_key_value_heads": 2} if family in ("llama", "qwen3") else {}
    model = models.encoder(family, **changes).train()
    ids = torch.randint(5, 40, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    if padded:
        mask[1, 7:] = 0
    real = mask.bool()
    states = []
    for fast in (False, True):
        if fast:
            use_fast_attention(model)
            assert model.config._attn_implementation == NAME
        with torch.autocast("cpu", torch.bfloat16):
            states.append(model(input_ids=ids, attention_mask=mask).last_hidden_state[real])
    torch.testing.assert_close(states[1], states[0], atol=0.15, rtol=0.05)


def test_a_causal_layer_without_a_mask_sees_what_is_before_a_token_alone():
    module = torch.nn.Module()
    module.is_causal = True
    draw = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(2, 2, 6, 4, generator=draw).bfloat16().requires_grad_() for _ in range(3)
    )
    states, _ = attend(module, query, key, value, None)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(states, expected.transpose(1, 2))
