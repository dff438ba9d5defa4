"""The machine at hand, as `starbench plan` without `--device` sees it."""

import os
from pathlib import Path

import pytest

from starbench.cli import main
from starbench.errors import InputError
from starbench.planning.at_hand import device_at_hand
from starbench.planning.devices import shipped

DEMO = Path(__file__).parents[3] / "config" / "demo.yaml"


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """A program `nvidia-smi` that prints the given lines, before all others on the PATH."""

    def install(*lines: str, status: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        body = "".join(f"echo '{line}'\n" for line in lines)
        program.write_text(f"#!/bin/sh\n{body}exit {status}\n")
        program.chmod(0o755)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return install


def test_without_a_gpu_it_is_a_core_of_the_processor_as_often_as_there_are_cores(smi):
    smi(status=9)
    device, units = device_at_hand()
    assert device.kind == "cpu"
    assert units == device.cores == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ({"avx2"}, "laptop-core"),
        ({"avx2", "avx512_bf16"}, "epyc-core"),
        ({"avx2", "avx512_bf16", "amx_bf16"}, "xeon-core"),
    ],
)
def test_the_kind_of_core_is_told_by_what_it_computes_with(smi, monkeypatch, flags, name):
    smi(status=9)
    monkeypatch.setattr("starbench.planning.at_hand._processor_flags", lambda: flags)
    assert device_at_hand()[0].name == shipped()[name].name


def test_the_gpus_that_jobs_may_use_are_counted(smi, monkeypatch):
    smi("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3")
    assert device_at_hand() == (shipped()["h100"], 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    assert device_at_hand() == (shipped()["h100"], 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device_at_hand()[0].kind == "cpu"


def test_a_gpu_without_known_rates_is_named_with_what_to_do(smi):
    smi("NVIDIA GeForce GTX 980")
    with pytest.raises(InputError, match=r"GTX 980 are not known: .*--calibrate.*--device \(h100"):
        device_at_hand()


def test_one_line_says_jobs_time_and_disk(smi, capsys):
    smi("NVIDIA A100-SXM4-80GB")
    assert main(["plan", "--config", str(DEMO), "--short"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("Run demo: 71 jobs, about ")
    assert " on 1 GPU (planned as NVIDIA A100 SXM, 80 GB), " in line
    assert line.endswith(" MB of disk.\n")


def test_the_help_lists_every_device(capsys):
    with pytest.raises(SystemExit):
        main(["plan", "--help"])
    # Lines are broken after hyphens, too.
    assert ",".join(shipped()) in "".join(capsys.readouterr().out.split())
