"""STS scores: MTEB's task on stored embeddings equals scipy and MTEB on the model itself."""

import mteb
import numpy as np
import pytest
import torch
from datasets import Dataset
from scipy.stats import pearsonr, spearmanr
from sentence_transformers import SentenceTransformer

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.sizes import Size, grid_of
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.embed.run import embed_texts
from starbench.stages.evaluate.collect import collect, collect_run
from starbench.stages.evaluate.differences import compare_systems
from starbench.stages.evaluate.run import score_model
from starbench.stages.evaluate.sts import sts_scores, sts_task
from starbench.stages.finetune.run import finetune_model
from starbench.store.embeddings import EmbeddingWriter, StoredEmbeddings
from starbench.store.records import read_records
from starbench.store.scores import COLUMNS
from tests.unit.runs import tiny_config

MODEL = ("sts", "tiny-floor", 1)


@pytest.fixture
def scored(tmp_path, tiny_checkpoint):
    """A run of the untouched tiny model, scored: (config, paths)."""
    config = tiny_config(
        backbones={"tiny": {"checkpoint": {"name": str(tiny_checkpoint)}}},
        systems={"tiny-floor": {"backbone": "tiny", "objective": "untouched"}},
    )
    paths = RunPaths.of(config, tmp_path / "results")
    fetch_dataset(config, paths, "test")
    fetch_checkpoint(config, paths, "tiny")
    finetune_model(config, paths, *MODEL)
    embed_texts(config, paths, *MODEL)
    score_model(config, paths, *MODEL)
    return config, paths


def read_csv(path):
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    assert tuple(header) == COLUMNS
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_every_cell_equals_scipy_on_a_model_cut_by_hand(scored):
    config, paths = scored
    rows = read_records(paths.dataset("test"))
    model = SentenceTransformer(str(paths.model(*MODEL) / "model"), device="cpu")
    whole = model[0].auto_model.encoder.layer
    found = {
        (row["size"], row["metric"]): float(row["value"])
        for row in read_csv(paths.scores(*MODEL) / "test" / "scores.csv")
    }
    cells = grid_of(config.trained_sizes)
    assert len(found) == 2 * len(cells) == 18
    for size in cells:
        model[0].auto_model.encoder.layer = torch.nn.ModuleList(whole[: size.layers])
        left, right = (model.encode(list(rows[c]))[:, : size.dim] for c in rows.column_names[:2])
        cosine = (
            (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
        )
        spearman = spearmanr(cosine, rows["score"])[0]
        assert found[str(size), "cosine_spearman"] == pytest.approx(spearman, abs=1e-4)
        pearson = pearsonr(cosine, rows["score"])[0]
        assert found[str(size), "cosine_pearson"] == pytest.approx(pearson, abs=1e-4)


def test_the_full_size_equals_mteb_run_on_the_model_itself(scored):
    _, paths = scored
    rows = read_records(paths.dataset("test"))
    model = SentenceTransformer(str(paths.model(*MODEL) / "model"), device="cpu")
    result = mteb.evaluate(model, sts_task("mine", rows), cache=None, co2_tracker=False)
    reference = result.task_results[0].scores["test"][0]["cosine_spearman"]
    found = {
        row["size"]: float(row["value"])
        for row in read_csv(paths.scores(*MODEL) / "test" / "scores.csv")
        if row["metric"] == "cosine_spearman"
    }
    assert found["n4-d16"] == pytest.approx(reference, abs=1e-5)


def test_what_no_seed_changes_is_scored_once_for_all_seeds(scored):
    config, paths = scored
    one = read_csv(paths.scores(*MODEL) / "test" / "scores.csv")
    both = config.model_copy(update={"seeds": [1, 2]})
    embedded = paths.embeddings(*MODEL) / "test" / "manifest.json"
    before = embedded.stat().st_mtime_ns
    embed_texts(both, paths, *MODEL)
    assert embedded.stat().st_mtime_ns == before
    score_model(both, paths, *MODEL)
    collect_run(both, paths)
    rows = read_csv(paths.all_scores)
    for seed in ("1", "2"):
        found = [row for row in rows if row["seed"] == seed]
        assert found == [row | {"seed": seed} for row in one]
    compare_systems(both, paths)
    alone = paths.significance.read_text()
    compare_systems(config, paths)
    assert paths.significance.read_text() == alone
    assert len(alone.splitlines()) > 1
    assert not paths.scores("sts", "tiny-floor", 2).exists()


def test_scores_are_tidy_and_name_everything(scored):
    config, paths = scored
    collect_run(config, paths)
    rows = read_csv(paths.all_scores)
    assert rows == read_csv(paths.scores(*MODEL) / "test" / "scores.csv")
    assert {row["system"] for row in rows} == {"tiny-floor"}
    assert {(row["track"], row["dataset"], row["queries"], row["seed"]) for row in rows} == {
        ("sts", "test", "40", "1")
    }
    assert all(row["size"] == f"n{row['layers']}-d{row['dim']}" for row in rows)
    assert max(len(row["value"]) for row in rows) > 12  # unrounded


def test_embeddings_hold_only_the_columns_that_a_cell_needs(scored):
    _, paths = scored
    folder = paths.embeddings(*MODEL) / "test"
    stored = StoredEmbeddings(folder)
    assert stored.at(Size(1, 16)).shape == (stored.rows, 16)
    assert sorted(path.name for path in folder.glob("*.npy")) == [
        "layer-1.npy",
        "layer-2.npy",
        "layer-4.npy",
    ]
    with pytest.raises(InputError, match="no embeddings of layer 3"):
        stored.at(Size(3, 8))
    with pytest.raises(InputError, match="holds 16 dimensions, not 17"):
        stored.at(Size(1, 17))


def test_what_is_embedded_and_scored_is_left_as_it_is_until_the_config_changes(scored):
    config, paths = scored
    made = [
        paths.embeddings(*MODEL) / "test" / "layer-1.npy",
        paths.scores(*MODEL) / "test" / "scores.csv",
    ]
    before = [path.stat().st_mtime_ns for path in made]
    embed_texts(config, paths, *MODEL)
    score_model(config, paths, *MODEL)
    assert [path.stat().st_mtime_ns for path in made] == before
    value = config.model_dump(mode="json", exclude_unset=True)
    value["tracks"]["sts"]["embedding"] = {"dtype": "float16"}
    changed = parse_config(value)
    with pytest.raises(InputError, match="embeddings of another model, dataset or config"):
        score_model(changed, paths, *MODEL)
    embed_texts(changed, paths, *MODEL)
    score_model(changed, paths, *MODEL)
    assert not {path.stat().st_mtime_ns for path in made} & set(before)


def test_every_pairs_similarity_is_kept_for_each_cell(scored):
    config, paths = scored
    rows = read_records(paths.dataset("test"))
    kept = np.load(paths.scores(*MODEL) / "test" / "similarities.npy")
    cells = grid_of(config.trained_sizes)
    assert kept.shape == (len(cells), len(rows))
    found = {
        row["size"]: float(row["value"])
        for row in read_csv(paths.scores(*MODEL) / "test" / "scores.csv")
        if row["metric"] == "cosine_spearman"
    }
    for cell, cosines in zip(cells, kept, strict=True):
        assert spearmanr(cosines, rows["score"])[0] == pytest.approx(found[str(cell)], abs=1e-4)


def test_embeddings_of_another_dataset_are_refused(scored):
    _, paths = scored
    stored = StoredEmbeddings(paths.embeddings(*MODEL) / "test")
    other = Dataset.from_dict({"sentence1": ["a"], "sentence2": ["b"], "score": [1.0]})
    with pytest.raises(InputError, match="texts, the dataset 2"):
        sts_scores("other", other, stored, [Size(1, 4)])


def test_values_that_float16_cannot_hold_are_refused_and_nothing_is_left(tmp_path):
    writer = EmbeddingWriter(tmp_path / "e", 2, {1: 2}, "float16")
    with pytest.raises(InputError, match="not finite in float16"):
        writer.write([0, 1], {1: np.array([[1.0, 7e4], [0.0, 1.0]], dtype=np.float32)})
    assert not list((tmp_path / "e").iterdir())


def test_collecting_refuses_a_part_with_other_columns(tmp_path):
    part = tmp_path / "part.csv"
    part.write_text("system,value\na,1\n")
    with pytest.raises(InputError, match=r"part\.csv:1: the columns are not"):
        collect(tmp_path / "scores.csv", [part], COLUMNS)
    assert not (tmp_path / "scores.csv").exists()
