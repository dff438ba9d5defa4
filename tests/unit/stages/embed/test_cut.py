"""Cuts of embeddings against scikit-learn's PCA, and what a run embeds with them."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.exports import asked_exports
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.sizes import Size
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.cut import RandomCut, principal
from starbench.stages.embed.fitting import FOLDER, training_texts
from starbench.stages.embed.layered_encoder import LayeredEncoder
from starbench.stages.embed.run import embed_texts
from starbench.stages.finetune.run import finetune_model
from starbench.store.embeddings import layer_file
from tests.unit.runs import tiny_config, tiny_value

CUTS = ("prefix", "random", "pca", "whitening")


def sample(texts=300, width=12):
    draw = np.random.default_rng(1)
    mixed = draw.normal(size=(texts, width)) @ draw.normal(size=(width, width))
    return (mixed + draw.normal(size=width)).astype(np.float32)


@pytest.mark.parametrize("whitens", [False, True])
def test_components_are_those_of_scikit_learn(whitens):
    embeddings, others = sample()[:250], sample()[250:]
    found = principal(embeddings, whitens, 5)
    reference = PCA(5, svd_solver="full").fit(embeddings.astype(np.float64))
    expected = (others - reference.mean_) @ reference.components_.T
    if whitens:  # scikit-learn's variance is of a sample, ours of the texts that there are
        expected /= np.sqrt(reference.explained_variance_ * 249 / 250)
    ours = (others - found.mean) @ found.directions
    signs = np.sign((ours * expected).sum(axis=0))
    np.testing.assert_allclose(ours, expected * signs, atol=2e-4 if whitens else 2e-5)
    largest = np.abs(found.directions).argmax(axis=0)
    assert (found.directions[largest, range(5)] > 0).all()


def test_whitened_embeddings_have_unit_variance_and_no_correlation():
    embeddings = sample()
    found = principal(embeddings, True, 12)
    covariance = np.cov(((embeddings - found.mean) @ found.directions).T, bias=True)
    np.testing.assert_allclose(covariance, np.eye(12), atol=2e-3)


def test_a_dimension_without_variance_is_not_blown_up():
    embeddings = sample()
    embeddings[:, 3] = embeddings[:, 4]
    found = principal(embeddings, True, 12)
    projected = (embeddings - found.mean) @ found.directions
    assert np.abs(projected[:, -1]).max() < 0.1


def test_random_dimensions_differ_by_seed_and_layer_and_are_each_there_once():
    embeddings = np.arange(24, dtype=np.float32).reshape(2, 12)
    cut, other = RandomCut(1), RandomCut(2)
    first = cut(3, embeddings)
    np.testing.assert_array_equal(np.sort(first[0]), embeddings[0])
    np.testing.assert_array_equal(first[1], first[0] + 12)
    np.testing.assert_array_equal(first, RandomCut(1)(3, embeddings))
    assert not np.array_equal(first, other(3, embeddings))
    assert not np.array_equal(first, cut(2, embeddings))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, tiny_checkpoint):
    """A run in which one untouched model is embedded with every cut: (config, paths, arrays)."""
    systems = {name: {"backbone": "tiny", "objective": "untouched", "cut": name} for name in CUTS}
    config = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}}, systems=systems
    )
    paths = RunPaths.of(config, tmp_path_factory.mktemp("cut"))
    for dataset in config.datasets:
        fetch_dataset(config, paths, dataset)
    fetch_checkpoint(config, paths, "tiny")
    arrays = {}
    for name in CUTS:
        finetune_model(config, paths, "sts", name, 1)
        embed_texts(config, paths, "sts", name, 1)
        folder = paths.embeddings("sts", name, 1) / "test"
        arrays[name] = {layer: np.load(folder / layer_file(layer)) for layer in (1, 2, 4)}
    return config, paths, arrays


def test_a_fitted_cut_is_a_projection_of_what_the_model_gives(embedded):
    config, paths, arrays = embedded
    model = model_named(config, "sts", "pca")
    folder = paths.model("sts", "prefix", 1) / "model"
    encoder = LayeredEncoder.load(folder, [1, 2, 4])
    ((prompt, texts),) = training_texts(config, paths, model, encoder, 8192)
    assert (prompt, len(texts)) == ("", len(set(texts)))
    ids = encoder.tokenize(texts)
    trained = [encoder.embed_batch([row]) for row in ids]
    for layer in (1, 2, 4):
        train = np.concatenate([found[layer] for found in trained]).astype(np.float64)
        reference = PCA(16, svd_solver="full").fit(train)
        expected = reference.transform(arrays["prefix"][layer].astype(np.float64))
        found = arrays["pca"][layer]
        width = found.shape[1]
        kept = reference.explained_variance_[:width] > 1e-4 * reference.explained_variance_[0]
        expected, found = expected[:, :width][:, kept], found[:, kept]
        signs = np.sign((found * expected).sum(axis=0))
        np.testing.assert_allclose(found, expected * signs, atol=2e-3)
        for name in ("random", "whitening"):
            assert not np.allclose(arrays[name][layer], arrays["prefix"][layer], atol=1e-2)


def test_a_fitted_cut_is_kept_with_the_embeddings_and_not_fitted_again(embedded):
    config, paths, _ = embedded
    folder = paths.embeddings("sts", "pca", 1)
    before = (folder / FOLDER / "manifest.json").stat().st_mtime_ns
    (folder / "test" / "manifest.json").unlink()
    embed_texts(config, paths, "sts", "pca", 1)
    assert (folder / FOLDER / "manifest.json").stat().st_mtime_ns == before
    assert not (paths.embeddings("sts", "random", 1) / FOLDER).exists()


def test_a_cut_without_training_texts_is_refused_by_its_key():
    value = tiny_value(systems={"a": {"backbone": "tiny", "objective": "untouched", "cut": "pca"}})
    del value["tracks"]["sts"]["finetuning"]
    message = "systems.a.cut: pca is fitted on training texts, and track sts has no `finetuning`"
    with pytest.raises(InputError, match=message):
        parse_config(value)


def test_too_few_training_texts_are_one_line(tmp_path, tiny_checkpoint):
    config = tiny_config(
        datasets={"train": {"kind": "triplets", "source": "micro", "rows": 3}},
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems={"a": {"backbone": "tiny", "objective": "untouched", "cut": "whitening"}},
    )
    paths = RunPaths.of(config, tmp_path)
    for dataset in config.datasets:
        fetch_dataset(config, paths, dataset)
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, "sts", "a", 1)
    with pytest.raises(InputError, match="whitening of 16 dimensions needs more training texts"):
        embed_texts(config, paths, "sts", "a", 1)


def test_a_size_of_other_dimensions_is_not_exported(embedded):
    config, _, _ = embedded
    with pytest.raises(InputError, match="system 'pca' is cut by pca, a control"):
        asked_exports(config, "pca", [Size(1, 4)], ["sts"], 1)
