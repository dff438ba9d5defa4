"""The paper's claims compared with a run: each holds, does not hold, or cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from starbench.config.config import Config
from starbench.published import Claim, claims
from starbench.sizes import Size
from starbench.stages.report.collapse import collapsing
from starbench.stages.report.groups import Group, groups_of, system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.roles import ROLES, pairs_of, systems_of
from starbench.stages.report.scores import at_size, by_dataset
from starbench.stages.report.tables.formats import plain_table

Answer = Literal["holds", "does not hold", "cannot be told"]


@dataclass(frozen=True)
class Verdict:
    """What a run says of one claim, on the average of one group of datasets."""

    claim: str
    where: str
    answer: Answer
    why: str
    """The numbers, or what is missing."""
    asked: bool = True
    """Whether the run has the systems that the claim is about."""


def verdicts(scores: pd.DataFrame, config: Config) -> list[Verdict]:
    """Return a verdict for every claim, group and pair of systems that it is about."""
    return [
        verdict
        for claim in claims()
        for group in groups_of(config)
        if group.track in claim.tracks
        for verdict in _of_group(claim, scores, config, group)
    ]


def claims_table(found: Sequence[Verdict], manifest: str = "") -> dict[str, str]:
    """Return the verdicts with their numbers as {csv, md, tex}."""
    rows = [[verdict.claim, verdict.where, verdict.answer, verdict.why] for verdict in found]
    frame = pd.DataFrame(rows, columns=["claim", "on", "verdict", "differences"])
    return plain_table(frame, ["Claim", "On", "Verdict", "Differences"], rows, manifest)


def _of_group(
    claim: Claim, scores: pd.DataFrame, config: Config, group: Group
) -> Iterator[Verdict]:
    pairs = list(pairs_of(claim, config, group.track))
    if not pairs:
        roles = (claim.better, claim.worse)
        missing = [role for role in roles if not systems_of(config, role, group.track)]
        names = " and no ".join(ROLES[role] for role in missing)
        why = f"this run has no {names}" if missing else "they start from different backbones"
        yield Verdict(claim.text, group.shown(config), "cannot be told", why, asked=False)
        return
    for better, worse in pairs:
        names = f"{system_name(config, better)} − {system_name(config, worse)}"
        text = claim.text if len(pairs) == 1 else f"{claim.text} ({names})"
        for where, datasets in averaged(scores, config, group).items():
            found = _differences(scores, config, group, datasets, (better, worse))
            answer, why = judge(claim, found, config)
            yield Verdict(text, where, answer, f"{names}: {why}")


def averaged(scores: pd.DataFrame, config: Config, group: Group) -> dict[str, list[str]]:
    """Return {what it is called: datasets} of a group's averages, also without what collapses."""
    found = {group.shown(config): group.averaged}
    falling = [name for name in collapsing(scores, config, group) if name in group.averaged]
    kept = [name for name in group.averaged if name not in falling]
    if falling and kept:
        without = ", ".join(config.display("datasets", name) for name in falling)
        found[f"{group.shown(config)} without {without}"] = kept
    return found


def _differences(
    scores: pd.DataFrame, config: Config, group: Group, datasets: list[str], pair: tuple[str, str]
) -> np.ndarray:
    """Return the difference of two systems' means over datasets (sizes, seeds)."""
    wide = by_dataset(scores, group)
    wide = wide.assign(value=wide[datasets].mean(axis=1, skipna=False))
    found = np.full((len(config.trained_sizes), len(config.seeds)), np.nan)
    for row, size in enumerate(config.trained_sizes):
        one, other = (at_size(wide, system, size).set_index("seed")["value"] for system in pair)
        found[row] = (one - other).reindex(config.seeds).to_numpy()
    return found


def judge(claim: Claim, differences: np.ndarray, config: Config) -> tuple[Answer, str]:
    """Return whether differences (sizes, seeds) bear a claim out, and the numbers.

    With several seeds a difference within one standard error of what decides cannot be told.
    """
    sizes = config.trained_sizes
    chosen = {
        "every": list(range(len(sizes))),
        "below-full": list(range(len(sizes) - 1)),
        "full": [len(sizes) - 1],
    }[claim.at]
    if claim.expect == "shrinks":
        half = len(chosen) // 2
        if not half:
            return "cannot be told", "one size only"
        small, large = differences[:half].mean(axis=0), differences[-half:].mean(axis=0)
        why = f"{_signed(small)} on average over the smaller half of the sizes, "
        # What is lost everywhere is not a gain, however little of it the small sizes lose.
        answer = _decided(np.stack([small - large, small]), 0, np.inf)
        return answer, f"{why}{_signed(large)} over the larger"
    if not chosen:
        return "cannot be told", "one size only"
    low, high = {
        "above": (0.0, np.inf),
        "at-least": (-claim.tolerance, np.inf),
        "a-little-below": (-claim.tolerance, 0.0),
    }[claim.expect]
    numbers = [f"{_label(config, sizes[row])} {_signed(differences[row])}" for row in chosen]
    return _decided(differences[chosen], low, high), ", ".join(numbers)


def _decided(differences: np.ndarray, low: float, high: float) -> Answer:
    """Return whether all rows' means (rows, seeds) are between two bounds, beyond doubt or not."""
    means = differences.mean(axis=1)
    if not np.isfinite(means).all():
        return "cannot be told"
    seeds = differences.shape[1]
    error = differences.std(axis=1, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros(len(means))
    if ((means - error > low) & (means + error < high)).all():
        return "holds"
    if ((means + error <= low) | (means - error >= high)).any():
        return "does not hold"
    return "cannot be told"


def _signed(values: np.ndarray) -> str:
    mean = float(values.mean())
    text = shorten(mean)
    return text if np.isnan(mean) or text.startswith("-") else f"+{text}"


def _label(config: Config, size: Size) -> str:
    label = config.size_label(size)
    return label.capitalize()
