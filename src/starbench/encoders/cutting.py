"""Cutting a transformer to its first layers, without copying weights."""

from __future__ import annotations

import copy

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from starbench.encoders.families import Family, depth_of, family_of, layers_path
from starbench.errors import InputError


def cut_to_depth(model: PreTrainedModel, layers: int) -> PreTrainedModel:
    """Return a model of the first `layers` layers that shares the weights of `model`.

    The config says so too: saved and loaded again, the model still has `layers` layers (cutting
    the list alone would give layers with random weights on loading).

    Raises InputError for a number of layers that it does not have, and for an unknown family.
    """
    depth = depth_of(model)
    if not 1 <= layers <= depth:
        raise InputError(f"cannot cut a model of {depth} layers to {layers}")
    if layers == depth:
        return model
    path = layers_path(model)
    cut: PreTrainedModel = _shallow(model)
    cut.config = _config_of_first(model.config, family_of(model), layers)
    parent: nn.Module = cut
    for name in path[:-1]:
        child = _shallow(parent.get_submodule(name))
        if hasattr(child, "config"):
            child.config = cut.config
        parent._modules[name] = child
        parent = child
    whole = parent.get_submodule(path[-1])
    assert isinstance(whole, nn.ModuleList)
    parent._modules[path[-1]] = whole[:layers]
    return cut


def _config_of_first(config: PreTrainedConfig, family: Family, layers: int) -> PreTrainedConfig:
    """Return a copy of a config that describes the first `layers` layers alone."""
    cut = copy.deepcopy(config)
    setattr(cut, family.depth, layers)
    for key in family.by_layer:
        if (values := getattr(cut, key, None)) is not None:
            setattr(cut, key, values[:layers])
    return cut


def _shallow(module: nn.Module) -> nn.Module:
    """Copy a module but not its parameters; its children can be replaced in the copy alone."""
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    return copied
