"""What a report says of how a run was made, and of the data that were fetched for it."""

import pytest

from starbench.config.reading import parse_config
from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.report.provenance import losses, run_manifest, titles
from starbench.store.manifest import Stage
from tests.unit.runs import tiny_config, tiny_value
from tests.unit.stages.data.test_collections import CORPUS, JUDGED, beir


def test_titles_and_oddities_of_fetched_data_reach_the_report(tmp_path):
    given = beir(tmp_path, [*CORPUS, CORPUS[0]], qrels=[*JUDGED, ("q1", "gone", 1)])
    config = tiny_config(datasets={"given": given, "later": dict(given)}, data_root=str(tmp_path))
    paths = RunPaths.of(config, tmp_path / "results")
    for name in ("given", "test"):
        fetch_dataset(config, paths, name)
    assert titles(config, paths) == {"given": 3 / 5}
    paths.all_scores.write_text("")
    assert run_manifest(config, paths)["fetched"] == {
        "data/given": {"findings": {"repeated_passages": 1, "unknown_passages": 1}}
    }


def test_a_job_is_counted_once_whatever_it_embeds_and_however_that_is_called(tmp_path):
    collection = {"kind": "collection", "source": "micro", "rows": 60, "shards": 2}
    value = tiny_value(datasets={"far": collection, "model": dict(collection, shards=1)})
    value["tracks"]["retrieval"] = value["tracks"]["sts"] | {"tasks": ["far", "model"]}
    config = parse_config(value)
    paths = RunPaths.of(config, tmp_path)
    embedded = paths.embeddings("retrieval", "tiny-srl", 1)
    searched = paths.searches("retrieval", "tiny-srl", 1) / "far" / "passages-1"
    for folder in (
        *(embedded / "far" / "queries", embedded / "model" / "passages-1"),
        *(embedded / "far" / "passages-1", searched / "far"),
    ):
        Stage("embed" if embedded in folder.parents else "search", 1, {}, []).finish(folder, [])
    Stage("embed", 1, {}, []).finish(embedded, [])
    Stage("search", 1, {}, []).finish(searched, [])
    paths.all_scores.write_text("")
    made = run_manifest(config, paths)
    folders = [embedded, embedded / "far" / "passages-1", searched]
    assert list(made["jobs"]) == [str(folder.relative_to(paths.root)) for folder in folders]
    assert {stage: cost["jobs"] for stage, cost in made["stages"].items()} == {
        "embed": 2,
        "search": 1,
    }


@pytest.fixture
def log(tmp_path):
    config = tiny_config()
    folder = RunPaths.of(config, tmp_path).model("sts", "tiny-srl", 1)
    folder.mkdir(parents=True)
    return config, RunPaths.of(config, tmp_path), folder / "train_log.jsonl"


def test_the_losses_of_a_log_are_read_not_a_number_included(log):
    config, paths, path = log
    path.write_text('{"step": 1, "loss": 2.5}\n{"step": 2}\n{"step": 3, "loss": NaN}\n')
    (found,) = losses(config, paths).values()
    assert found[0] == 2.5
    assert len(found) == 2
    assert found[1] != found[1]


@pytest.mark.parametrize("line", [b'{"loss": 2', b"\xff", b"5", b'{"loss": null}', b"", b'"x"'])
def test_a_damaged_line_is_passed_over(log, line):
    config, paths, path = log
    path.write_bytes(b'{"step": 1, "loss": 2.5}\n' + line + b'\n{"step": 2, "loss": 2.0}\n')
    assert list(losses(config, paths).values()) == [[2.5, 2.0]]
