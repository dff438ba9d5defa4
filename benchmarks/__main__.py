"""``python -m benchmarks``: every comparison beside its peer, the roofline and the growth."""

from __future__ import annotations

import argparse
import json
import logging
import os
import warnings
from pathlib import Path

# Before torch and transformers are imported: they read these once.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks import results, running


def main() -> None:
    """Run what is asked for and write it to the folder of results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="*", metavar="NAME", help="works whose names begin so, and no growth"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], help="the GPU where there is one")
    parser.add_argument("--output", type=Path, default=Path("results/bench"))
    parser.add_argument("--run", type=Path, default=Path("results/demo"), help="a finished demo")
    # For the process apart that memory is measured in.
    parser.add_argument("--weigh", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--weigh-growth", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("benchmarks").setLevel(logging.INFO)
    # The peer's trainer uses what its own libraries call deprecated.
    warnings.filterwarnings("ignore", ".*gradient_checkpointing_enable", FutureWarning)
    device = options.device or running.default_device()
    if options.weigh:
        print(json.dumps(running.weigh(options.weigh, device)))
    elif options.weigh_growth:
        print(json.dumps(running.weigh_growth(device)))
    else:
        rates = running.matrix_rates(device)
        rows = running.compare_all(options.only or [], device, options.run)
        growth = [] if options.only else running.growth(device)
        results.write(options.output, rows, growth, rates)


main()
