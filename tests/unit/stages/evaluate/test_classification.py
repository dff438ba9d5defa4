"""Accuracies of stored embeddings against scikit-learn and formulas, and what is left behind."""

import csv

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

from starbench.encoders.multiply_adds import layer_weights, mean_tokens
from starbench.errors import InputError
from starbench.run.held_back import some_of_each
from starbench.run.models import models_of
from starbench.run.slices import scoring_slice
from starbench.sizes import Size
from starbench.stages.embed.run import embed_texts
from starbench.stages.evaluate.collect import collect_run
from starbench.stages.evaluate.compared_texts import compare_texts
from starbench.stages.evaluate.differences import compare_systems
from starbench.stages.evaluate.entries import Entry
from starbench.stages.evaluate.probes import fit_probe
from starbench.stages.evaluate.run import score_model
from starbench.stages.evaluate.significance import mcnemar_test
from starbench.stages.finetune.run import finetune_model
from starbench.stages.report.run import write_report
from starbench.store.embeddings import StoredEmbeddings
from starbench.store.heads import read_heads
from starbench.store.records import read_records
from starbench.store.scores import COLUMNS, EXIT_COLUMNS
from tests.unit.stages.evaluate.labelled import SYSTEMS, TRACK, labelled_config, prepared

KEPT = ("floor", "svd", "mrl", "mrl-e")


@pytest.fixture(scope="module")
def scored(tmp_path_factory, tiny_checkpoint):
    """A run of four systems, trained, embedded, scored and collected: (config, paths)."""
    systems = {name: SYSTEMS[name] for name in KEPT}
    config = labelled_config(tiny_checkpoint, systems)
    paths = prepared(tmp_path_factory.mktemp("labelled"), config)
    for model in models_of(config, TRACK):
        place = (TRACK, model.name, 1)
        for make in (finetune_model, embed_texts, score_model):
            make(config, paths, *place)
    collect_run(config, paths)
    compare_systems(config, paths)
    return config, paths


def rows_in(path, columns):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == columns
    return rows


def data_of(paths, system):
    """Return (embeddings of the texts, of the examples), labels of both, and the rows held back."""
    root = paths.embeddings(TRACK, system, 1)
    stored = [StoredEmbeddings(root / name) for name in ("test", "train")]
    labels = [np.array(read_records(paths.dataset(name))["label"]) for name in ("test", "train")]
    return stored, labels, some_of_each(list(labels[1]), 0.1, 1, "train")


def by_nearest(test, train, gold, known):
    """The least and the largest accuracy by the nearest example, whichever of equally near ones."""
    cosines = cosine_similarity(test.astype(float), train.astype(float))
    is_nearest = cosines > cosines.max(axis=1, keepdims=True) - 1e-6
    is_right = known[None] == gold[:, None]
    always = (is_right | ~is_nearest).all(axis=1)
    return always.mean(), (is_right & is_nearest).any(axis=1).mean()


@pytest.mark.parametrize("system", KEPT)
def test_every_cell_equals_scikit_learn_and_the_heads_by_hand(scored, system):
    config, paths = scored
    found = {
        (row["size"], row["metric"]): float(row["value"])
        for row in rows_in(paths.all_scores, COLUMNS)
        if row["system"] == system
    }
    assert len(found) == 9 * 3
    (texts, examples), (gold, known), held = data_of(paths, system)
    learned = np.setdiff1d(np.arange(len(known)), held)
    heads = None if system == "svd" else read_heads(paths.model(TRACK, system, 1))
    for cell in models_of(config, TRACK)[0].cells:
        test, train = np.array(texts.at(cell)), np.array(examples.at(cell))
        least, most = by_nearest(test, train, gold, known)
        assert least <= found[str(cell), "nn_accuracy"] <= most
        # Every dimension but those of rounding alone: LayerNorm leaves one component less than
        # dimensions, and StandardScaler would blow the last one up.
        deviation = train[learned].std(axis=0)
        says = deviation > 1e-5 * deviation.max()
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))
        by_probe = probe.fit(train[learned][:, says], known[learned]).predict(test[:, says])
        assert found[str(cell), "probe_accuracy"] == pytest.approx(
            (by_probe == gold).mean(), abs=0.02
        )
        head = heads.at(cell) if heads else None
        if head is None:
            assert found[str(cell), "accuracy"] == found[str(cell), "probe_accuracy"]
        else:
            best = (test @ head[0].T + head[1]).argmax(axis=1)
            assert found[str(cell), "accuracy"] == (np.array(heads.classes)[best] == gold).mean()
    assert (heads is None) == (system in ("floor", "svd"))


def test_exits_are_collected_and_the_first_and_last_fixed_size_are_the_scores(scored):
    _, paths = scored
    scores = {
        (row["system"], row["size"]): row["value"]
        for row in rows_in(paths.all_scores, COLUMNS)
        if row["metric"] == "accuracy"
    }
    exits = rows_in(paths.all_exits, EXIT_COLUMNS)
    assert len(exits) == 4 * 3 * 3 * 3  # systems, chains, policies, sizes
    for row in exits:
        smallest = row["upto"] in ("n4-d4", "n1-d16", "n1-d4")
        if row["policy"] == "fixed" or (row["policy"] == "threshold" and smallest):
            assert row["accuracy"] == scores[row["system"], row["upto"]], row
        assert row["texts"] == "60"
    last = [row for row in exits if row["chain"] == "layers" and row["upto"] == "n4-d16"]
    assert all(float(row["layers"]) <= 4 for row in last)


def test_multiply_adds_of_a_layer_are_the_elements_of_its_matrices(scored):
    _, paths = scored
    folder = paths.model(TRACK, "mrl", 1) / "model"
    layer = AutoModel.from_pretrained(folder).encoder.layer[0]
    expected = sum(p.numel() for p in layer.parameters() if p.ndim == 2)
    assert layer_weights(folder) == expected
    texts = list(read_records(paths.dataset("test"))["text"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    counts = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    assert mean_tokens(folder, texts, None) == pytest.approx(np.minimum(counts, 32).mean())
    assert mean_tokens(folder, texts, 8) == pytest.approx(np.minimum(counts, 8).mean())
    fixed = [
        row for row in rows_in(paths.all_exits, EXIT_COLUMNS)
        if (row["system"], row["upto"], row["policy"], row["chain"])
        == ("mrl", "n4-d16", "fixed", "dims")
    ]  # fmt: skip
    labels = len(set(read_records(paths.dataset("train"))["label"]))
    work = 4 * expected * np.minimum(counts, 32).mean() + 16 * labels
    assert float(fixed[0]["multiply_adds"]) == pytest.approx(work)


def test_differences_are_tested_text_by_text(scored):
    _, paths = scored
    with paths.significance.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["test"] for row in rows} == {"mcnemar", "randomisation"}
    assert {row["queries"] for row in rows} == {"60"}


def test_the_report_has_tables_and_figures_of_labels_as_of_other_tracks(scored):
    config, paths = scored
    write_report(config, paths)
    table = (paths.root / "tables" / "classification.md").read_text()
    assert "McNemar's test" in table
    for name in ("classification_heatmaps", "adaptive_classification"):
        assert (paths.root / "figures" / f"{name}.png").stat().st_size > 10_000
    assert (paths.root / "tables" / "adaptive_classification.md").read_text().count("| mrl |") == 9
    assert "Accuracy of test" in (paths.root / "summary.md").read_text()


def test_mcnemar_is_the_exact_binomial_test_of_the_texts_that_differ():
    from math import comb

    one = np.array([1, 1, 1, 1, 1, 1, 0, 1, 0, 0], dtype=float)
    other = np.array([0, 0, 0, 0, 0, 0, 1, 1, 0, 0], dtype=float)
    tail = sum(comb(7, n) for n in (6, 7)) / 2**7
    assert mcnemar_test(one - other) == pytest.approx(2 * tail)
    assert mcnemar_test(np.zeros(5)) == 1.0
    entries = Entry("a", Size(1, 4)), Entry("b", Size(1, 4))
    found = compare_texts(dict(zip(entries, (one, other), strict=True)), [entries], 1000)
    assert found["mcnemar"][entries].difference == pytest.approx(0.5)


def test_a_probe_of_two_labels_and_of_a_dimension_that_says_nothing():
    draw = np.random.default_rng(1)
    given = draw.normal(size=(40, 3)).astype(np.float32)
    given[:, 2] = 0.25
    labels = np.array(["no", "yes"])[(given[:, 0] > 0).astype(int)]
    probe = fit_probe(given, labels)
    expected = LogisticRegression(max_iter=100).fit(
        (given - given.mean(0)) / np.maximum(given.std(0), 1e-6), labels
    )
    standard = (given - given.mean(0)) / np.maximum(given.std(0), 1e-6)
    np.testing.assert_allclose(
        probe.probabilities(given), expected.predict_proba(standard), atol=1e-4
    )


def test_a_label_that_no_head_knows_ends_in_one_line(scored, monkeypatch):
    config, paths = scored
    from starbench.stages.evaluate import classification

    real = classification.read_heads
    gone = read_records(paths.dataset("test"))["label"][0]

    def without(folder):
        heads = real(folder)
        kept = tuple(label for label in heads.classes if label != gone)
        return type(heads)(kept, heads.sizes, heads.weights, heads.biases)

    monkeypatch.setattr(classification, "read_heads", without)
    (paths.scores(TRACK, "mrl", 1) / "test" / "manifest.json").unlink()
    message = f"^dataset 'test' has the label '{gone}', which no example has that model mrl was"
    with pytest.raises(InputError, match=message):
        score_model(config, paths, TRACK, "mrl", 1)
    monkeypatch.undo()
    score_model(config, paths, TRACK, "mrl", 1)


def test_scores_depend_on_the_share_that_is_held_back(tiny_checkpoint):
    slices = [
        scoring_slice(config, models_of(config, TRACK)[0], "test")
        for config in (labelled_config(tiny_checkpoint, held_back=share) for share in (0.1, 0.2))
    ]
    assert [part["held_back"] for part in slices] == [0.1, 0.2]
