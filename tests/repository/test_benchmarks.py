"""What measures the benchmarks measures right, and both sides of each do the same."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks import results, running
from benchmarks.inputs import model_folder, pair_sets, untouched_minilm
from benchmarks.measuring import alternated
from benchmarks.roofline import counted_flops
from benchmarks.running import NO_REUSE
from benchmarks.scaling import COUNTS, exponent, sizes_of
from benchmarks.work import Case, Work
from benchmarks.works import WORKS, demo, finetuning_step

from starbench.sizes import Size

ROOT = Path(__file__).parents[2]


def row(**changes):
    made = {
        "work": "a work", "peer": "a peer", "device": "cpu", "time_ratio": 3.0,
        "memory_ratio": 2.0, "ours_s": 1.0, "peer_s": 3.0, "max_difference": 1e-7,
        "time_target": 2.0, "memory_target": None, "precision": "fp32", "flops": 5e9,
    }  # fmt: skip
    return made | changes


def test_the_ratio_is_the_median_of_runs_side_by_side():
    order = []

    def side(name, seconds):
        def run(number):
            order.append(name)
            time.sleep(seconds)

        return run

    times = alternated(side("ours", 0.1), side("peer", 0.3), rounds=3, device="cpu")
    assert order == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert times.ratio == pytest.approx(3, rel=0.3)
    assert times.ours_s == pytest.approx(0.1, rel=0.5)


def test_seconds_of_parts_are_added_up():
    times = alternated(lambda _: time.sleep(0.1), lambda _: None, 4, "cpu", parts=True)
    assert times.ours_s == pytest.approx(0.4, rel=0.5)


def test_peak_memory_is_what_an_array_takes_though_it_is_freed():
    code = (
        "import numpy as np; from benchmarks.measuring import peak_mib\n"
        "kept = np.ones(2**24)\n"  # 128 MiB that are there before
        "print(peak_mib(lambda _: np.ones(2**23).sum(), 'cpu'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=os.environ | NO_REUSE, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout) == pytest.approx(64, abs=4)


def test_products_are_counted_those_in_place_too():
    left, right, total = torch.ones(3, 5), torch.ones(5, 7), torch.zeros(3, 7)
    flops = counted_flops(lambda: (left @ right, total.addmm_(left, right)))
    assert flops == 2 * (2 * 3 * 5 * 7)


def test_a_power_is_fitted():
    values = np.array([1, 2, 4, 8])
    assert exponent(values, 3 * values**0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("count", COUNTS)
def test_sizes_are_spread_up_to_the_full_one(count):
    sizes = sizes_of(count)
    assert len(set(sizes)) == count
    assert sizes == sorted(sizes)
    assert sizes[-1] == Size(12, 192)


def test_two_sides_that_differ_end_the_benchmark():
    work = Work("w", "p", lambda *_: Case(lambda _: 0, lambda _: 0, lambda *_: 0.5, tolerance=0.1))
    with pytest.raises(ValueError, match=r"w: the two sides differ by 0.5, more than 0.1"):
        running.compare(work, "cpu")


def test_a_difference_that_is_no_number_ends_it_too():
    work = Work(
        "w", "p", lambda *_: Case(lambda _: 0, lambda _: 0, lambda *_: float("nan"), tolerance=0.1)
    )
    with pytest.raises(ValueError, match="differ by nan"):
        running.compare(work, "cpu")


def test_names_are_distinct_and_an_unknown_one_is_refused(tmp_path):
    assert len({work.name for work in WORKS}) == len(WORKS)
    with pytest.raises(SystemExit, match="no such work; there are: SMAE step, "):
        running.compare_all(["nothing"], "cpu", tmp_path)


def test_the_srl_loss_is_measured_beside_an_equal_peer():
    (work,) = [work for work in WORKS if work.name == "SRL retrieval loss"]
    found = running.compare(work, "cpu")
    assert found["max_difference"] <= 1e-3
    assert found["time_ratio"] > 1
    assert found["memory_ratio"] > work.memory_target
    assert found["flops"] > 6 * 64 * 512 * 32


def test_tables_figures_and_a_page_are_written(tmp_path, capsys):
    grown = [
        {"stage": "search", "grows": "sizes", "value": n, "seconds": n**0.5, "mib": 7}
        for n in COUNTS
    ]
    rows = [row(), row(work="demo", memory_ratio=None, flops=None, max_difference=None)]
    results.write(tmp_path, rows, grown, {"fp32": 10e9, "bf16": 20e9})
    table = pd.read_csv(tmp_path / "bench.csv")
    assert list(table.columns) == results.COLUMNS
    assert table["time_ratio"].tolist() == [3.0, 3.0]
    assert pd.read_csv(tmp_path / "roofline.csv")["share"].tolist() == [0.5]
    page = capsys.readouterr().out
    assert "| a work | a peer | **3.00** | ≥ 2 | **2.00** |  | 1 | 3 | 1.0e-07 |" in page
    assert "| search | sizes | 1 | 12 | 3.46 | 1.00 | 0.50 | 0.00 |" in page
    assert page.strip() == (tmp_path / "bench.md").read_text().strip()
    for name in ("bench", "growth"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "machine.json").read_text())["hardware"]["cores"]


def job(run, name, start, seconds, **manifest):
    benchmark = run / "benchmarks" / f"{name}.tsv"
    benchmark.parent.mkdir(parents=True, exist_ok=True)
    benchmark.write_text(f"s\tmean_load\n{seconds}\t1\n")
    os.utime(benchmark, (start + seconds, start + seconds))
    if manifest:
        (run / name).mkdir(parents=True)
        text = json.dumps(manifest | {"hardware": {"threads": 2}})
        (run / name / "manifest.json").write_text(text)


def test_the_demos_share_counts_the_loops_on_their_threads_and_idle_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.psutil, "cpu_count", lambda: 4)
    assert demo.row(tmp_path) is None, "there is no demo yet"
    job(tmp_path, "backbones/a", start=1000, seconds=10, loop_s=8)
    job(tmp_path, "models/b", start=1010, seconds=20, loop_s=12)
    (tmp_path / "manifest.json").write_text("{}")
    found = demo.row(tmp_path)
    assert found["peer_s"] == pytest.approx(30)
    assert found["ours_s"] == pytest.approx(30 - (8 * 2 + 12 * 2) / 4)
    assert found["time_ratio"] == pytest.approx(30 / 20)


def test_a_demo_that_was_interrupted_gives_no_share(tmp_path):
    job(tmp_path, "backbones/a", start=1000, seconds=10, loop_s=8)
    job(tmp_path, "models/b", start=9000, seconds=20, loop_s=12)
    (tmp_path / "manifest.json").write_text("{}")
    assert demo.row(tmp_path) is None


def test_the_model_that_benchmarks_run_on_is_made_from_a_config_that_is_valid(tmp_path):
    _, paths = untouched_minilm(tmp_path, "sts", pair_sets(rows=4))
    assert (model_folder(paths, "sts") / "modules.json").is_file()


def test_a_fine_tuning_step_has_the_loss_of_the_published_recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(finetuning_step, "BATCH", 4)
    monkeypatch.setattr(finetuning_step, "STEPS", 2)
    case = finetuning_step._prepare(False, 6, 1e-3, tmp_path)
    assert case.difference(case.ours(0), case.peer(0)) < case.tolerance
