"""What a run shows, in sentences: counted here by hand."""

from pathlib import Path

import pandas as pd

from starbench.config.escapes import in_markdown
from starbench.config.reading import load_config
from starbench.sizes import grid_of
from starbench.stages.report.findings import best_by_size, findings
from starbench.stages.report.groups import groups_of
from starbench.stages.report.products import has_claims
from starbench.stages.report.results import Results
from starbench.stages.report.scores import read_scores
from starbench.stages.report.tables.marks import Marks
from starbench.store.scores import SIGNIFICANCE_COLUMNS, Score, write_scores
from tests.unit.stages.report.scored import TASKS

DEMO = Path(__file__).parents[4] / "config" / "demo.yaml"


def results_of(config, folder, value, tests=None, manifest=None):
    scores = [
        Score(system, seed, size, "sts", task, "cosine_spearman", value(system, size), 9)
        for system in config.systems
        for seed in config.seeds
        for size in grid_of(config.trained_sizes)
        for task in TASKS
    ]
    write_scores(folder / "scores.csv", scores)
    read = read_scores(folder / "scores.csv", config)
    return Results(config, read, Marks(), tests, manifest=manifest)


def comparison(system, size, dataset, p, test="bootstrap"):
    row = dict.fromkeys(SIGNIFICANCE_COLUMNS, 0)
    row |= {"track": "sts", "dataset": dataset, "system": system, "against": "tiny-sep"}
    row |= {"layers": size.layers, "dim": size.dim, "test": test}
    row |= {"against_layers": size.layers, "against_dim": size.dim, "difference": -0.1}
    return row | {"p": p, "holm": p, "bonferroni": p}


def test_the_best_system_of_each_size_and_neighbouring_sizes_together(config, tmp_path):
    small, *_, full = config.trained_sizes

    def value(system, size):
        return 0.9 if (system == "tiny-srl") == (size != full) else 0.1

    results = results_of(config, tmp_path, value)
    best = best_by_size(results, groups_of(config)[0])
    assert best[small] == ["tiny-srl"]
    assert best[full] == ["tiny-sep"]
    (sentence,) = findings(results)
    assert "Best: Tiny & SRL at " in sentence
    assert f"; Tiny-Separate at {config.size_label(full)}." in sentence
    assert sentence.count("SRL at ") == 1


def test_a_tie_as_it_is_shown_has_two_best(config, tmp_path):
    results = results_of(config, tmp_path, lambda system, size: 0.5)
    best = best_by_size(results, groups_of(config)[0])
    assert set(best) == set(config.trained_sizes)
    assert all(set(systems) == set(config.systems) for systems in best.values())


def test_what_differs_is_counted_and_what_is_not_is_named(config, tmp_path):
    small, *_, full = config.trained_sizes
    config = config.model_copy(
        update={"report": config.report.model_copy(update={"compared_system": "tiny-sep"})}
    )
    rows = [comparison("tiny-srl", size, task, 0.001) for size in (small, full) for task in TASKS]
    rows[0] |= {"holm": 0.2}
    rows[1] |= {"difference": 0.1}
    # Another test than the config's says otherwise, and does not count.
    rows += [comparison("tiny-srl", full, TASKS[1], 0.9, "williams")]
    results = results_of(config, tmp_path, lambda *_: 0.5, pd.DataFrame(rows))
    paragraph, items = findings(results)
    assert paragraph.endswith(" Tiny-Separate is, significantly (p < 0.05):")
    cases = 2 * len(TASKS)
    name = in_markdown(config.display("datasets", TASKS[0]))
    assert items == (
        f"- better than Tiny & SRL in {cases - 2} of {cases} pairs of size and dataset, worse in "
        f"1; not different at {config.size_label(small)} on {name}"
    )


def test_sizes_on_which_the_same_datasets_do_not_differ_are_named_together(config, tmp_path):
    *_, large, full = config.trained_sizes
    config = config.model_copy(
        update={"report": config.report.model_copy(update={"compared_system": "tiny-sep"})}
    )
    rows = [
        comparison("tiny-srl", size, task, 0.001 if size not in (large, full) else 0.9)
        for size in config.trained_sizes
        for task in TASKS[:2]
    ]
    results = results_of(config, tmp_path, lambda *_: 0.5, pd.DataFrame(rows))
    _, items = findings(results)
    one, two = (in_markdown(config.display("datasets", task)) for task in TASKS[:2])
    sizes = f"{config.size_label(large)} and {config.size_label(full)}"
    assert items.endswith(f"; not different at {sizes} on {one} and {two}")


def test_a_system_that_differs_nowhere_is_one_item(config, tmp_path):
    config = config.model_copy(
        update={"report": config.report.model_copy(update={"compared_system": "tiny-sep"})}
    )
    rows = [comparison("tiny-srl", size, TASKS[0], 0.9) for size in config.trained_sizes]
    results = results_of(config, tmp_path, lambda *_: 0.5, pd.DataFrame(rows))
    _, items = findings(results)
    assert (
        items == f"- not different from Tiny & SRL in any of {len(rows)} pairs of size and dataset"
    )


def test_a_single_system_is_compared_with_its_own_full_size(config, tmp_path):
    config = config.model_copy(
        update={"report": config.report.model_copy(update={"systems": ["tiny-srl"]})}
    )
    *smaller, full = config.trained_sizes
    results = results_of(config, tmp_path, lambda _, size: 0.8 if size == full else 0.2)
    (sentence,) = findings(results)
    assert f"Tiny & SRL has .8000 at {config.size_label(full)}, and keeps of it 25% at " in sentence
    assert sentence.count("25% at") == len(smaller)


def test_what_it_cost_is_said_in_one_line(config, tmp_path):
    cost = {"jobs": 3, "wall_s": 1800.0, "peak_memory_mib": 2048, "energy_j": None}
    stages = {"embed": cost, "finetune": cost | {"jobs": 2, "wall_s": 5400.0}}
    results = results_of(config, tmp_path, lambda *_: 0.5, manifest={"stages": stages})
    *_, line = findings(results)
    assert "5 jobs took 2.0 hours in all, 75% of it in stage `finetune`" in line
    assert "the largest one used 2.0 GiB of memory" in line


def test_a_run_without_the_papers_systems_is_not_held_against_its_claims(config):
    demo = load_config(DEMO)
    assert has_claims(demo)
    none = demo.report.model_copy(update={"published": "none"})
    assert not has_claims(demo.model_copy(update={"report": none}))
    # SRL and separate models, but neither SMAE nor 2DMSE.
    assert not has_claims(config)
