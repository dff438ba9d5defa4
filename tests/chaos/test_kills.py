"""A run that is killed again and again, at drawn moments, ends as an undisturbed one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.chaos.attempts import Attempt, ended_afterwards, killed, start, unlock, wait_until
from tests.chaos.contents import files_of, products
from tests.chaos.jobs import RULES, RUN, copy_without, is_done, remove_from
from tests.chaos.moments import CHAINS, Kill, kills_of, repeat_with

REFUSED = "cannot be locked"
SECOND = re.compile(r"another \w+ runs here \(")
PATIENCE = 5
"""Starts after the last kill within which a run must be finished."""


@pytest.mark.parametrize("chain", CHAINS)
def test_a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(
    reference, record, tmp_path, chain
):
    print(f"\n{repeat_with(chain)}")
    folder = prepared(reference.folder, tmp_path / "run", CHAINS[chain][0])
    history = History(folder)
    for kill in kills_of(chain):
        rule = kill.rule if kill.rule in RULES else RULES[-1]
        if is_done(folder, rule, reference.folder):  # the kill before came too late
            history.wait_for_orphans()
            remove_from(folder, rule)
        until = ["--until", kill.rule] if kill.rule in RULES else []
        before = history.steps()
        attempt, hit = killed(folder, kill, reference.costs, *until)
        print(f"{kill}: {hit or 'missed, the run had ended'}")
        record.kills[kill.rule, f"{kill.signal} {kill.whom}"] += hit is not None
        record.missed += hit is None
        history.take(attempt, kill, before)
        if kill.unlocks:
            unlock(folder)
    history.finish()
    assert products(folder) == reference.products
    assert files_of(folder) == reference.files


def prepared(finished: Path, folder: Path, rule: str | None) -> Path:
    """Return a copy of the finished run from which a rule on is to be made; all of it for None."""
    if rule is not None:
        copy_without(finished, folder, rule)
        shutil.rmtree(folder / "attempts")
        return folder
    folder.mkdir()
    shutil.copy(finished / "run.yaml", folder)
    return folder


class History:
    """What happened to a run: what its attempts said, and from where trainings went on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.orphans: list[Attempt] = []

    def wait_for_orphans(self) -> None:
        """Wait until no job of a Snakemake that was killed alone writes any more."""
        for orphan in self.orphans:
            orphan.wait()

    def steps(self) -> dict[Path, int]:
        """Return the step of the newest whole checkpoint of every training that is not done."""
        found: dict[Path, int] = {}
        for path in (self.folder / RUN).glob("*/**/checkpoints/checkpoint-*/hashes.json"):
            training, step = path.parents[2], int(path.parent.name.split("-")[1])
            if not (training / "manifest.json").exists():
                found[training] = max(step, found.get(training, 0))
        return found

    def take(self, attempt: Attempt, kill: Kill, before: dict[Path, int]) -> None:
        """Check what an attempt has said, and that trainings went on from their checkpoints."""
        text = attempt.text()
        assert "Traceback" not in text, f"{kill}\n{text}"
        if not self.orphans:
            for training, step in before.items():
                self._check_resumed(attempt, training, step)
        if kill.whom == "snakemake":
            self.orphans.append(attempt)

    def _check_resumed(self, attempt: Attempt, training: Path, step: int) -> None:
        log = (self.folder / RUN / "logs" / training.relative_to(self.folder / RUN)).with_suffix(
            ".log"
        )
        if not (training / "manifest.json").exists() or log.stat().st_mtime < attempt.started:
            return
        said = re.findall(r"resuming from \S*/checkpoint-(\d+)", log.read_text())
        print(f"  {training.name}: resumed from step {said}, {step} was saved")
        assert said and int(said[0]) >= step, log.read_text()

    def finish(self) -> None:
        """Start the run, as its user does, until it ends well."""
        for _ in range(PATIENCE):
            with ended_afterwards(start(self.folder)) as attempt:
                status = attempt.wait()
            text = attempt.text()
            assert "Traceback" not in text, text
            if status == 0:
                return
            assert REFUSED in text or (SECOND.search(text) and self.orphans), text
            for orphan in self.orphans:
                wait_until(lambda orphan=orphan: not orphan.living(), "an orphan lives on")
            unlock(self.folder)
        raise AssertionError(text)
