"""What `starbench plan` takes on the command line besides the config."""

from __future__ import annotations

import argparse
from pathlib import Path

from starbench.planning.listed import listed_devices


def add_plan_arguments(plan: argparse.ArgumentParser) -> None:
    """Add to a parser the options that say for what device, and with what limits, to plan."""
    known = ", ".join(listed_devices()["devices"])
    plan.add_argument(
        "--device",
        help=f"what to plan for: {known}, or a file of --calibrate (the machine at hand)",
    )
    plan.add_argument("--gpus", type=int, help="GPUs there are (as many as one job asks for)")
    plan.add_argument("--cores", type=int, help="the same of a processor (all)")
    plan.add_argument("--short", action="store_true", help="print one line instead of the table")
    plan.add_argument("--disk", metavar="SIZE", help="refuse a plan that needs more, e.g. 500GB")
    plan.add_argument("--memory", metavar="SIZE", help="the same of GPU memory (the device's)")
    plan.add_argument(
        "--records",
        action="append",
        default=[],
        metavar="NAME=N",
        help="records of a dataset, or passages/queries of a collection",
    )
    plan.add_argument("--markdown", action="store_true", help="print a Markdown table")
    plan.add_argument(
        "--calibrate",
        type=Path,
        nargs="?",
        const=Path("device.yaml"),
        metavar="FILE",
        help="measure the device at hand and write it to a file (device.yaml)",
    )
