"""What ``make bench`` leaves: tables, two figures and a page that says what was seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.drawing import draw_growth, draw_ratios
from benchmarks.scaling import exponent
from starbench.machine.files import written_whole
from starbench.machine.hardware import hardware
from starbench.stages.report.figures.style import save_figure
from starbench.store.manifest import git_commit, installed_versions

COLUMNS = "work,peer,device,time_ratio,memory_ratio,ours_s,peer_s,max_difference".split(",")

Row = dict[str, Any]


def write(folder: Path, rows: list[Row], growth: list[Row], rates: dict[str, float]) -> None:
    """Write everything to `folder`, and print its page."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    _write(folder / "bench.csv", table[COLUMNS].to_csv(index=False))
    save_figure(draw_ratios(table), folder, "bench")
    roofline = roofline_of(table, rates)
    _write(folder / "roofline.csv", roofline.to_csv(index=False))
    page = [_head(), _comparisons(table), _roofline(roofline)]
    if growth:
        grown = pd.DataFrame(growth)
        _write(folder / "growth.csv", grown.to_csv(index=False))
        save_figure(draw_growth(grown), folder, "growth")
        page.append(_growth(grown))
    machine = {"hardware": hardware(), "git": git_commit(), "versions": installed_versions()}
    _write(folder / "machine.json", json.dumps(machine, indent=1) + "\n")
    _write(folder / "bench.md", "\n".join(page))
    print("\n".join(page))


def roofline_of(table: pd.DataFrame, rates: dict[str, float]) -> pd.DataFrame:
    """Return the share of the machine's matrix rate that our side of each work reaches."""
    counted = table[table["flops"].notna()]
    reached = counted["flops"] / counted["ours_s"]
    peak = counted["precision"].map(rates).astype(float)
    return pd.DataFrame(
        {
            "work": counted["work"],
            "precision": counted["precision"],
            "gflops": reached / 1e9,
            "machine_gflops": peak / 1e9,
            "share": reached / peak,
        }
    )


def exponents(grown: pd.DataFrame) -> pd.DataFrame:
    """Return the exponents of the fits ``a * value ** b`` of every sweep, for time and memory."""
    return pd.DataFrame(
        {
            "stage": stage,
            "grows": grows,
            "from": part["value"].min(),
            "to": part["value"].max(),
            "time_ratio": part["seconds"].iloc[-1] / part["seconds"].iloc[0],
            "memory_ratio": part["mib"].iloc[-1] / part["mib"].iloc[0],
            "time_exponent": exponent(part["value"], part["seconds"]),
            "memory_exponent": exponent(part["value"], part["mib"]),
        }
        for (stage, grows), part in grown.groupby(["stage", "grows"], sort=False)
    )


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _head() -> str:
    machine = hardware()
    gpus = "".join(f", {gpu}" for gpu in machine["gpus"])
    return (
        "# Benchmarks\n\n"
        f"{machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']:.0f} GiB{gpus}. Ratios are peer / ours: above 1 we are better; "
        "targets are for a processor.\n"
    )


def _comparisons(table: pd.DataFrame) -> str:
    lines = [
        "| work | peer | time | target | memory | target | ours s | peer s | max. difference |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in table.to_dict("records"):
        lines.append(
            f"| {row['work']} | {row['peer']} | {_ratio(row['time_ratio'])} | "
            f"{_target(row['time_target'])} | {_ratio(row['memory_ratio'])} | "
            f"{_target(row['memory_target'])} | {row['ours_s']:.3g} | {row['peer_s']:.3g} | "
            f"{'' if pd.isna(row['max_difference']) else format(row['max_difference'], '.1e')} |"
        )
    return "\n".join(lines) + "\n"


def _ratio(value: float) -> str:
    return "" if pd.isna(value) else f"**{value:.2f}**"


def _target(value: float) -> str:
    return "" if pd.isna(value) else f"≥ {value:g}"


def _roofline(roofline: pd.DataFrame) -> str:
    lines = [
        "| work | precision | GFLOP/s | machine's matrix rate | share |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row['work']} | {row['precision']} | {row['gflops']:.0f} | "
        f"{row['machine_gflops']:.0f} | {row['share']:.0%} |"
        for row in roofline.to_dict("records")
    ]
    return "\n".join(lines) + "\n"


def _growth(grown: pd.DataFrame) -> str:
    lines = [
        "Growth, fitted as a power (1 is proportional):\n",
        "| stage | grows | from | to | time x | memory x | time exponent | memory exponent |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['stage']} | {row['grows']} | {row['from']} | {row['to']} | "
        f"{row['time_ratio']:.2f} | {row['memory_ratio']:.2f} | "
        f"{row['time_exponent']:z.2f} | {row['memory_exponent']:z.2f} |"
        for row in exponents(grown).to_dict("records")
    ]
    return "\n".join(lines) + "\n"
