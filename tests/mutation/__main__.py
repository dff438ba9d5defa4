"""``python -m tests.mutation``: a sample of faults, and how many of them the tests notice."""

from __future__ import annotations

import argparse
import difflib
import json
import random
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.mutation.operators import Mutant, mutants_of
from tests.mutation.running import Outcome, Runner
from tests.mutation.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
PACKAGE = "src/starbench"
STATUSES = ("killed", "timeout", "survived", "unused")
NOT_NOTICED = STATUSES[2:]


def all_mutants() -> list[tuple[Target, Mutant]]:
    """Return every fault of every module, each with the target that it belongs to."""
    found = []
    for target in TARGETS:
        for module in target.modules:
            path = f"{PACKAGE}/{module}"
            source = (ROOT / path).read_text(encoding="utf-8")
            found += [(target, mutant) for mutant in mutants_of(path, source)]
    return found


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument("--sample", type=int, default=300, help="faults to draw; 0 for all")
    names = [target.name for target in TARGETS]
    parser.add_argument("--target", choices=names, action="append", help="these of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="faults tried at the same time")
    parser.add_argument("--whole", action="store_true", help="the slow tests too")
    parser.add_argument("--again", type=Path, help="only the survivors in this file of outcomes")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "mutation")
    return parser.parse_args()


def drawn(options: argparse.Namespace) -> list[tuple[Target, Mutant]]:
    """Return the sample: every fault of every module is as likely to be in it."""
    found = all_mutants()
    if options.sample:
        found = random.Random(options.seed).sample(found, min(options.sample, len(found)))
    if options.target:
        found = [(target, mutant) for target, mutant in found if target.name in options.target]
    if options.again:
        records = map(json.loads, options.again.read_text().splitlines())
        left = {place(record) for record in records if record["status"] in NOT_NOTICED}
        found = [(target, mutant) for target, mutant in found if place(asdict(mutant)) in left]
    return found


def place(record: dict) -> tuple:
    """Return what tells one fault of a module from another."""
    return record["module"], record["line"], record["column"], record["kind"], record["source"]


def difference(mutant: Mutant) -> str:
    """Return a fault as the lines that it changes."""
    before = (ROOT / mutant.module).read_text(encoding="utf-8").splitlines()
    lines = difflib.unified_diff(
        before, mutant.source.splitlines(), mutant.module, mutant.kind, n=1, lineterm=""
    )
    return "\n".join(lines)


def table(outcomes: list[tuple[Target, Mutant, Outcome]]) -> str:
    """Return how many faults of each target were noticed."""
    rows = [
        "| | faults | killed | timeout | survived | unused | noticed |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in [*(target.name for target in TARGETS), "all"]:
        counts = Counter(
            outcome.status for target, _, outcome in outcomes if name in (target.name, "all")
        )
        total = counts.total()
        if total:
            share = 100 * (counts["killed"] + counts["timeout"]) / total
            numbers = " | ".join(str(counts[status]) for status in STATUSES)
            rows.append(f"| {name} | {total} | {numbers} | {share:.1f} % |")
    return "\n".join(rows)


def main() -> None:
    """Draw, run, write every outcome as it comes and print the table."""
    options = arguments()
    sample = drawn(options)
    target_of = {mutant: target for target, mutant in sample}
    options.output.mkdir(parents=True, exist_ok=True)
    words = [f"seed-{options.seed}", *(options.target or ()), *(["again"] if options.again else ())]
    name = "-".join(words).replace(" ", "-")
    outcomes: list[tuple[Target, Mutant, Outcome]] = []
    with (
        (options.output / f"{name}.jsonl").open("w") as file,
        (options.output / f"{name}-survivors.diff").open("w") as survivors,
        tempfile.TemporaryDirectory() as folder,
    ):

        def done(mutant: Mutant, outcome: Outcome) -> None:
            outcomes.append((target_of[mutant], mutant, outcome))
            print(json.dumps(asdict(mutant) | asdict(outcome)), file=file, flush=True)
            if outcome.status in NOT_NOTICED:
                print(difference(mutant), end="\n\n", file=survivors, flush=True)
            shown = f"{len(outcomes)}/{len(sample)} {outcome.status} {outcome.seconds} s"
            print(f"{shown} {mutant.module}:{mutant.line} {mutant.kind} {outcome.by}", flush=True)

        targets = list(dict.fromkeys(target for target, _ in sample))
        runner = Runner(ROOT, Path(folder), targets, options.jobs, whole=options.whole)
        runner.run(sample, done)
        runner.close()
    print(f"Seed {options.seed}: {len(outcomes)} of {len(all_mutants())} faults.")
    print(table(outcomes))


if __name__ == "__main__":
    main()
