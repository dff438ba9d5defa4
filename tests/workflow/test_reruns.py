"""What changed is made again, and nothing else."""

import shutil
import subprocess

from tests.workflow.tiny import edit, planned, snakemake


def test_a_second_run_does_nothing(finished):
    assert planned(finished) == {}


def test_a_changed_number_of_one_system_reruns_that_system_and_nothing_else(changed):
    # Of one track only: the other's models stay.
    override = {"sts": {"options": {"kl_weight": 0.7}}}
    edit(changed, lambda value: value["systems"]["starbucks"].update(overrides=override))
    jobs = planned(changed)
    assert {rule: jobs.pop(rule) for rule in ("finetune_model", "embed_texts", "score_model")} == {
        "finetune_model": 1,
        "embed_texts": 1,
        "score_model": 1,
    }
    assert set(jobs) == {"collect_scores", "compare_systems", "draw_report"}


def test_how_often_to_log_or_what_jobs_may_use_reruns_nothing(changed):
    def change(value):
        value["tracks"]["sts"]["finetuning"] |= {"checkpoint_every": 7, "log_every": 3}
        value["compute"]["pretrain"] |= {"cpus": 2, "gpus": 2}
        value["compute"]["gres"] = "gpu"

    edit(changed, change)
    assert planned(changed) == {}


def add_roles(value):
    roles = {"kind": "pairs", "source": "micro", "name": "roles", "rows": 30}
    value["datasets"]["roles"] = roles
    value["tracks"]["sts"]["tasks"].append("roles")


def test_a_new_dataset_runs_only_what_is_new(changed):
    edit(changed, add_roles)
    jobs = planned(changed)
    assert "finetune_model" not in jobs
    assert "pretrain_backbone" not in jobs
    assert (jobs["fetch_dataset"], jobs["embed_texts"], jobs["score_model"]) == (1, 3, 3)


def test_a_new_dataset_leaves_what_is_embedded_and_scored_as_it_is(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    made = tmp_path / "run" / "results" / "tiny"
    kept = [*made.rglob("paraphrase/layer-*.npy"), *made.rglob("paraphrase/scores.csv")]
    before = [path.stat().st_mtime_ns for path in kept]
    assert len(before) == 3 * 2 + 3
    edit(tmp_path / "run", add_roles)
    snakemake(tmp_path / "run")
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert len(list(made.rglob("scores/sts/*/seed-42/roles/scores.csv"))) == 3


def test_more_shards_embed_the_passages_anew_and_score_the_same(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    scores = tmp_path / "run" / "results/tiny/scores.csv"
    before = scores.read_bytes()
    edit(tmp_path / "run", lambda value: value["datasets"]["library"].update(shards=3))
    jobs = planned(tmp_path / "run")
    assert (jobs["embed_shard"], jobs["search_shard"], jobs["score_model"]) == (9, 9, 3)
    assert "fetch_dataset" not in jobs
    snakemake(tmp_path / "run")
    assert scores.read_bytes() == before


def add_a_seed(value):
    value["seeds"] = [42, 43]


def test_elsewhere_models_and_embeddings_are_not_needed_to_go_on(finished, tmp_path):
    # The command of docs/resume.md, but for where to.
    needed = [f"results/tiny/{name}" for name in ("data", "backbones", "scores")]
    archive = subprocess.run(
        ["tar", "-c", "run.yaml", *needed], cwd=finished, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x"], cwd=tmp_path, input=archive.stdout, check=True)
    made = {"find_leakage": 1, "collect_scores": 1, "compare_systems": 1, "draw_report": 1}
    assert planned(tmp_path) == made
    shutil.rmtree(tmp_path / "results/tiny/scores/sts/starbucks")
    again = {"finetune_model": 1, "embed_texts": 1, "score_model": 1}
    assert planned(tmp_path) == made | again
    edit(tmp_path, add_a_seed)
    jobs = planned(tmp_path)
    assert "fetch_dataset" not in jobs
    assert (jobs["pretrain_backbone"], jobs["finetune_model"], jobs["score_model"]) == (2, 7, 7)


def test_a_new_size_trains_only_what_depends_on_the_sizes(changed):
    size = {"name": "third", "layers": 1, "dim": 12}
    edit(changed, lambda value: value["sizes"].insert(1, size))
    jobs = planned(changed)
    assert "fetch_dataset" not in jobs
    assert jobs["pretrain_backbone"] == 1  # smae reads the sizes, mlm does not
    assert jobs["finetune_model"] == 4  # 2dmse and srl; the untouched backbone does not
    assert jobs["embed_texts"] == 4  # the untouched backbone's vectors hold the new columns already
    assert jobs["embed_shard"] == 4
    assert jobs["score_model"] == 6


def test_a_new_seed_leaves_the_others_alone(changed):
    edit(changed, lambda value: value.update(seeds=[42, 43]))
    jobs = planned(changed)
    assert jobs["pretrain_backbone"] == 2
    assert jobs["finetune_model"] == jobs["embed_texts"] == jobs["score_model"] == 6


def test_further_measures_score_again_and_embed_and_search_nothing(changed):
    def change(value):
        value["tracks"]["sts"]["measures"] = ["manhattan_spearman"]
        value["tracks"]["retrieval"]["measures"] = ["AP", "nDCG@20"]

    edit(changed, change)
    assert planned(changed) == {
        "score_model": 6,
        "score_bm25": 1,
        "collect_scores": 1,
        "compare_systems": 1,
        "draw_report": 1,
    }


def test_bits_and_small_queries_search_what_is_stored_not_again(changed):
    def change(value):
        value["tracks"]["sts"]["bits"] = {}
        value["tracks"]["retrieval"] |= {"bits": {}, "asymmetric": True}

    edit(changed, change)
    assert planned(changed) == {
        "score_bits": 6,
        "score_asymmetric": 3,
        "collect_scores": 1,
        "compare_systems": 1,
        "draw_report": 1,
    }


def test_another_shown_measure_scores_only_its_track(changed):
    edit(changed, lambda value: value["datasets"]["library"].update(metric="Success@5"))
    jobs = planned(changed)
    assert (jobs.pop("score_model"), jobs.pop("score_bm25")) == (3, 1)
    assert set(jobs) == {"collect_scores", "compare_systems", "draw_report"}


def test_what_was_always_measured_is_the_same_beside_further_measures(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    scores = tmp_path / "run" / "results/tiny/scores.csv"
    before = scores.read_text().splitlines()
    further = ["AP", "nDCG@20", "RR", "P@10"]

    def change(value):
        value["tracks"]["retrieval"]["measures"] = further
        value["datasets"]["library"]["metric"] = "Success@5"

    edit(tmp_path / "run", change)
    snakemake(tmp_path / "run")
    after = scores.read_text().splitlines()
    assert [line for line in after if line in set(before)] == before
    new = {line.split(",")[7] for line in after} - {line.split(",")[7] for line in before}
    assert new == {*further, "Success@5"}
    tables = tmp_path / "run" / "results/tiny/tables"
    assert "Success@5" in (tables / "in_domain.md").read_text()
