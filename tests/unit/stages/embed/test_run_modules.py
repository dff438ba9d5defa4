"""SentenceTransformer folders are embedded as they are, every layer, with all their modules."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    LayerNorm,
    Normalize,
    Pooling,
    Transformer,
)

from starbench.config.reading import parse_config
from starbench.run.paths import RunPaths
from starbench.run.texts import texts_of
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_texts
from starbench.stages.finetune.run import finetune_model
from starbench.stages.report.provenance import overrides
from starbench.store.manifest import read_manifest
from starbench.store.records import read_records
from tests.unit.runs import tiny_value

MODEL = ("sts", "tiny-untouched", 1)
WIDTH = 16


def dense(out=WIDTH, **options):
    torch.manual_seed(3)
    return Dense(WIDTH, out, **options)


FOLDERS = {
    "plain": (lambda: [Pooling(WIDTH, "mean")], {}),
    "cls": (lambda: [Pooling(WIDTH, "cls")], {}),
    "last token": (lambda: [Pooling(WIDTH, "lasttoken")], {}),
    "max": (lambda: [Pooling(WIDTH, "max")], {}),
    "two poolings": (lambda: [Pooling(WIDTH, ("cls", "mean"))], {}),
    "weighted mean": (lambda: [Pooling(WIDTH, "weightedmean")], {}),
    "normalised": (lambda: [Pooling(WIDTH, "mean"), Normalize()], {}),
    "dense": (lambda: [Pooling(WIDTH, "mean"), dense()], {}),
    "dense and normalised": (lambda: [Pooling(WIDTH, "cls"), dense(20), Normalize()], {}),
    "normalised before": (lambda: [Pooling(WIDTH, "mean"), Normalize(), dense()], {}),
    "layer norm": (lambda: [Pooling(WIDTH, "mean"), LayerNorm(WIDTH)], {}),
    "prompt": (lambda: [Pooling(WIDTH, "mean")], {"prompts": {"text": "the big "}}),
    "default prompt": (
        lambda: [Pooling(WIDTH, "mean")],
        {"prompts": {"other": "a small "}, "default_prompt_name": "other"},
    ),
    "type of task": (
        lambda: [Pooling(WIDTH, "mean"), dense()],
        {"prompts": {"STS": "a red ", "text": "a small "}},
    ),
    "prompt left out": (
        lambda: [Pooling(WIDTH, "mean", include_prompt=False)],
        {"prompts": {"text": "the big "}},
    ),
    "prompt left out of cls": (
        lambda: [Pooling(WIDTH, "cls", include_prompt=False), dense()],
        {"prompts": {"text": "the big "}},
    ),
}
PROMPT = {"prompt": "the big ", "default prompt": "a small ", "type of task": "a red "}
PROMPT |= {"prompt left out": "the big ", "prompt left out of cls": "the big "}


@pytest.fixture
def saved(request, tiny_checkpoint, tmp_path):
    """A SentenceTransformer folder of a name."""

    def save(name):
        following, options = FOLDERS[name]
        transformer = Transformer(str(tiny_checkpoint), max_seq_length=9)
        model = SentenceTransformer(modules=[transformer, *following()], device="cpu", **options)
        model.save_pretrained(str(tmp_path / "given"), create_model_card=False)
        return tmp_path / "given"

    return save


def config_of(folder, use=None, **changes):
    system = {"backbone": "tiny", "objective": "untouched"}
    if use:
        system["overrides"] = {"sts": {"finetuning": use}}
    value = tiny_value(
        backbones={"tiny": {"checkpoint": {"name": str(folder)}, **changes}},
        systems={"tiny-untouched": system},
    )
    del value["tracks"]["sts"]["finetuning"]
    return parse_config(value)


def embedded(config, tmp_path):
    """Run the stages; return the paths and {layer: (texts, width)}."""
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "test")
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, *MODEL)
    embed_texts(config, paths, *MODEL)
    folder = paths.embeddings(*MODEL) / "test"
    return paths, {
        int(path.stem.removeprefix("layer-")): np.load(path) for path in folder.glob("*.npy")
    }


def by_the_library(folder, texts, layers, prompt):
    """Return what the library gives for models that are cut by hand."""
    found = {}
    for layer in layers:
        model = SentenceTransformer(str(folder), device="cpu")
        encoder = model[0].auto_model.encoder
        encoder.layer = encoder.layer[:layer]
        found[layer] = model.encode(texts, prompt=prompt, convert_to_numpy=True)
    return found


def unit(array):
    return array / np.linalg.norm(array, axis=1, keepdims=True)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_layer_is_what_the_library_gives_for_the_cut_model(saved, tmp_path, name):
    folder = saved(name)
    config = config_of(folder)
    paths, layers = embedded(config, tmp_path)
    texts = texts_of(read_records(paths.dataset("test")))
    expected = by_the_library(folder, texts, layers, PROMPT.get(name))
    for layer, array in layers.items():
        wanted = expected[layer][:, : array.shape[1]]
        if "normalised" in name and "before" not in name:  # which is after the cut to a size
            np.testing.assert_allclose(unit(array), unit(wanted), atol=1e-5)
        else:
            np.testing.assert_allclose(array, wanted, atol=1e-5)


def test_folders_differ_where_mathematics_says_so(saved, tmp_path):
    found = {}
    for name in ("plain", "cls", "dense", "normalised", "prompt", "prompt left out"):
        _, found[name] = embedded(config_of(saved(name)), tmp_path / name.replace(" ", "-"))
    plain = found.pop("plain")
    same = found.pop("normalised")
    for layer, array in plain.items():
        np.testing.assert_array_equal(array, same[layer])
        for name, other in found.items():
            assert not np.allclose(array, other[layer], atol=1e-3), name


def test_a_model_that_normalises_is_compared_by_cosines_whatever_it_names(saved, tmp_path):
    for name, similarity, compared in (
        ("plain", "dot", "dot"),
        ("normalised", "dot", "cosine"),
        ("plain", None, "cosine"),
    ):
        folder = saved(name)
        use = {"similarity": similarity} if similarity else None
        paths, _ = embedded(config_of(folder, use), tmp_path / f"{name}-{similarity}")
        found = read_manifest(paths.embeddings(*MODEL) / "test")
        assert found["similarity"] == compared


def test_what_the_config_says_goes_before_and_is_kept_in_the_manifest(saved, tmp_path, caplog):
    folder = saved("dense")
    paths, layers = embedded(config_of(folder, {"pooling": "cls"}), tmp_path)
    assert read_manifest(paths.model(*MODEL))["overridden"] == {"pooling": ["mean", "cls"]}
    assert "has the pooling mean, system 'tiny-untouched' is made with cls" in caplog.text
    told = overrides(config_of(folder, {"pooling": "cls"}), paths)
    assert told == {("pooling", "mean", "cls"): [("tiny-untouched", "sts")]}
    texts = texts_of(read_records(paths.dataset("test")))
    model = SentenceTransformer(str(folder), device="cpu")
    model[1].pooling_mode = "cls"
    deepest = max(layers)
    encoder = model[0].auto_model.encoder
    encoder.layer = encoder.layer[:deepest]
    expected = model.encode(texts)[:, : layers[deepest].shape[1]]
    np.testing.assert_allclose(layers[deepest], expected, atol=1e-5)


def test_prompts_of_the_config_go_before_the_models_own(saved, tmp_path):
    folder = saved("prompt")
    config = config_of(folder, prompts={"text": "a red "})
    paths, layers = embedded(config, tmp_path)
    texts = texts_of(read_records(paths.dataset("test")))
    expected = by_the_library(folder, texts, layers, "a red ")
    for layer, array in layers.items():
        np.testing.assert_allclose(array, expected[layer][:, : array.shape[1]], atol=1e-5)
