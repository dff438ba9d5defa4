"""What a run's manifest and its warnings say of the data, read from data that were fetched."""

from starbench.run.paths import RunPaths
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.report.provenance import run_manifest, titles
from tests.unit.runs import tiny_config
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
