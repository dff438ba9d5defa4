"""The advice names what is within the limits, why, and what is not known."""

import pytest
import yaml

from starbench.advise import Asked, advise, run_at
from starbench.cli import main
from starbench.errors import InputError
from starbench.run.paths import RunPaths
from starbench.stages.report.choice import Limits
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores
from tests.unit.runs import tiny_config, tiny_value
from tests.unit.stages.report import measured

SIZES = {(1, 4): 0.50, (2, 8): 0.78, (4, 16): 0.80}


@pytest.fixture
def run(tmp_path):
    """A run of one system at three sizes, each cell of which scores as much as its layers do."""
    tracks = tiny_value()["tracks"]
    tracks["sts"]["bits"] = {"scored": ["int8"]}
    config = measured.measuring(tiny_config(tracks=tracks))
    paths = RunPaths.of(config, tmp_path)
    paths.root.mkdir()
    by_layer = {layers: score for (layers, _), score in SIZES.items()}
    scores = [
        Score("tiny-srl", 1, cell, "sts", "test", "cosine_spearman", by_layer[cell.layers], 200)
        for cell in sorted(measured.cells(config))
    ]
    write_scores(paths.all_scores, scores)
    measured.write(config, paths)
    return config, paths


def advice(run, **changes):
    config, paths = run
    keys = ("latency_s", "index_bytes", "passages", "loss")
    limits = Limits(**{key: changes.pop(key) for key in keys if key in changes})
    return advise(config, paths, Asked(limits, **changes))


def test_without_limits_the_best_score_is_taken_at_the_size_with_the_least_work(run):
    text = advice(run)
    assert "Take tiny-srl at 4/4, 32 bits:" in text
    assert "Spearman .8000 (95 %:" in text
    assert "the best of the run" in text
    assert "latency 4 ms a query (quartiles 3.6 to 4.8; onnx on Processor A, 1 thread)" in text


def test_of_what_may_be_lost_the_least_cost_is_taken_and_the_reason_is_told(run):
    text = advice(run, latency_s=0.01, index_bytes=2e9, passages=8.8e6, loss=0.05)
    # 2/4 and 4/4 lose at most 5 %; an index of 4 dims takes 16 bytes a passage.
    assert "Take tiny-srl at 2/4, 32 bits:" in text
    assert "2.5% less than the best, tiny-srl at 4/4, 32 bits (.8000)" in text
    assert "index 0.141 GB for 8,800,000 passages" in text
    limits = "(latency up to 10 ms; index up to 2 GB; loss up to 5.0%)"
    assert f"6 of 9 options are within the limits {limits}" in text
    assert "20% of that on latency" in text
    assert "tiny-srl at 2/8, 32 bits: Spearman .7800, 2 ms, 0.282 GB" in text


def test_what_is_not_known_is_told(run):
    text = advice(run, loss=0.05, device="H100", runtime="torch")
    assert "the latency on H100: it was measured on Processor A alone" in text
    assert "what 8 bits would score: the run has no scores of them" in text
    assert "whether the best is better by more than chance: it was not tested" in text
    assert "torch on Processor A" in text
    same = advice(run, device="processor a")
    assert "the latency on" not in same


def test_a_difference_that_the_run_has_tested_is_told(run):
    _, paths = run
    named = ["sts", "test", "cosine_spearman", "tiny-srl", 2, 4, "tiny-srl", 4, 4]
    for p, told in [(0.5, "on 0 of 1 datasets"), (0.001, "on 1 of 1 datasets")]:
        # The test of 8 bits says nothing about the stored vectors that are compared.
        rows = [
            [*named, -0.02, "bootstrap", p, p, p, 200, "float32"],
            [*named, -0.02, "bootstrap", 0.01, 0.01, 0.01, 200, "int8"],
        ]
        lines = [",".join(map(str, row)) for row in (SIGNIFICANCE_COLUMNS, *rows, [])]
        paths.significance.write_text("\n".join(lines))
        text = advice(run, loss=0.05)
        assert f"significantly different from the best {told}" in text
        assert ("whether the best is better at all" in text) == (p > 0.05)


def test_limits_that_nothing_is_within_name_what_is_nearest(run):
    message = (
        "nothing is within latency up to 0.5 ms, loss up to 5.0%; nearest is tiny-srl at 2/4, "
        "32 bits: Spearman .7800, 2 ms, loss 2.5%"
    )
    with pytest.raises(InputError) as error:
        advice(run, latency_s=0.0005, loss=0.05)
    assert str(error.value) == message


def test_a_limit_on_what_was_not_measured_is_told_so(run):
    config, paths = run
    measured.write(config, paths, runtimes=())
    with pytest.raises(InputError, match="within latency up to 1 ms: what is limited was not meas"):
        advice(run, latency_s=0.001)


def test_a_run_without_costs_says_how_to_measure(run):
    run[1].all_costs.unlink()
    with pytest.raises(InputError, match=r"no costs at .*costs\.csv: add a section `measure`"):
        advice(run)


def test_names_that_the_run_does_not_have_are_refused(run):
    with pytest.raises(
        InputError, match=r"--on: no group 'stss' was measured \(did you mean 'sts'"
    ):
        advice(run, group="stss")
    with pytest.raises(InputError, match=r"--runtime: the run was not measured with 'onx'.*'onnx'"):
        advice(run, runtime="onx")


def test_a_run_is_named_by_its_folder_or_below_the_folder_of_all_runs(run, tmp_path):
    _, paths = run
    (paths.root / "config.yaml").write_text(yaml.safe_dump(tiny_value()))
    by_folder = run_at(str(paths.root), [], None)
    by_name = run_at("tiny", [], tmp_path)
    assert by_folder[1].root == by_name[1].root == paths.root
    assert by_folder[0] == by_name[0]
    with pytest.raises(InputError, match=r"no run at tini or .*/tini: neither has a config\.yaml"):
        run_at("tini", [], tmp_path)
    with pytest.raises(InputError, match="advise needs --run, the folder or name of a run, or"):
        run_at(None, [], None)


def test_the_command_prints_the_advice_and_refuses_an_index_of_unknown_length(
    run, tmp_path, capsys
):
    _, paths = run
    (paths.root / "config.yaml").write_text(yaml.safe_dump(tiny_value()))
    command = ["advise", "--run", str(paths.root), "--index-gb", "0.5"]
    assert main(command) == 2
    assert "--index-gb needs --passages" in capsys.readouterr().err
    assert main([*command, "--passages", "1e7", "--loss", "3%"]) == 0
    assert "Take tiny-srl at 2/4, 32 bits:" in capsys.readouterr().out
