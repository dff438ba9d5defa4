"""What a reader should know before trusting a table: warnings, most serious first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from starbench.config.config import Config
from starbench.run.leakage import training_sets
from starbench.run.texts import corpus_of
from starbench.sizes import Size
from starbench.stages.report.collapse import collapses
from starbench.stages.report.groups import groups_of, system_name
from starbench.stages.report.leakage import leakage_cautions
from starbench.stages.report.missing import by_place, missing_scores
from starbench.stages.report.numbers import shorten
from starbench.stages.report.results import Results
from starbench.stages.report.tables.marks import significant

FEW_QUERIES = 50
"""Below this, one query moves a mean by two points."""

LITTLE_CONTEXT = 0.85
"""Above this share of the loss of token frequencies, a model has hardly learnt from context."""

MOSTLY = 0.5
"""From this share of passages on, a dataset counts as one whose passages have titles."""

ABSENT = {
    "significance.csv": "no score is marked, and no difference is tested",
    "adaptive.csv": "the table of adaptive retrieval is left out",
    "adaptive_classification.csv": "table and figure of adaptive classification are left out",
    "asymmetric.csv": "what small queries find is left out",
    "costs.csv": "nothing is told of what sizes cost",
}
"""What a report lacks without a file."""

MOST_NAMED = 3
"""How many cases of one kind are named; the others are counted."""


def cautions(results: Results) -> list[str]:
    """Return the warnings of a run, one sentence each."""
    return [
        *(f"{name} is missing: {ABSENT[name]}." for name in results.absent),
        *_missing(results),
        *_unmeasured(results),
        *_not_numbers(results.scores, results.config),
        *_constant(results.constant, results.config),
        *_coding(results.coding, results.config),
        *_skipped(results.skipped),
        *leakage_cautions(results.leakage, results.config),
        *_overridden(results),
        *_losses(results.losses),
        *_without_context(results.masked_losses),
        *_titles(results.titles, results.config),
        *_collapses(results.scores, results.config),
        *_upside_down(results.tests, results.config),
        *_few_queries(results.scores, results.config),
    ]


def _missing(results: Results) -> Iterator[str]:
    """Warn of scores that the config asks for; the paper's own numbers are as they were printed."""
    config = results.config
    missing = missing_scores(results.scores, config) if results.manifest is not None else []
    if missing:
        cases = [
            f"{system_name(config, system)} on {config.display('datasets', dataset)} ({count})"
            for system, dataset, count in by_place(missing)
        ]
        yield (
            f"{_counted(len(missing), 'score', 'scores')} that the config asks for "
            f"{'is' if len(missing) == 1 else 'are'} not in scores.csv: {_named(cases)}."
        )


def _unmeasured(results: Results) -> Iterator[str]:
    if results.unmeasured:
        cases = [
            f"{system_name(results.config, system)} ({track})"
            for system, track in results.unmeasured
        ]
        yield (
            f"costs.csv has nothing of {_named(cases)}: remove it and run again, and they are "
            "measured."
        )


def _not_numbers(scores: pd.DataFrame, config: Config) -> Iterator[str]:
    rows = scores[scores["value"].isna()]
    if len(rows):
        cases = [
            f"{system_name(config, row.system)} at {row.layers}/{row.dim} on "
            f"{config.display('datasets', row.dataset)} ({row.metric})"
            for row in rows.itertuples()
        ]
        yield f"{_counted(len(rows), 'score is', 'scores are')} not a number: {_named(cases)}."


def _constant(constant: Sequence[tuple[str, str, str]], config: Config) -> Iterator[str]:
    cases = [
        f"{model} at {cell} on {config.display('datasets', dataset)}"
        for model, cell, dataset in constant
    ]
    if cases:
        yield (
            f"All embeddings are the same in {_counted(len(cases), 'case', 'cases')}: "
            f"{_named(cases)}."
        )


def _coding(coding: Mapping[tuple[str, str, str], int], config: Config) -> Iterator[str]:
    """Warn of what codes lose: dimensions without a range, texts without a number above 0."""
    told = {
        "int8": "int8 loses dimensions that have one value in all calibration texts",
        "binary": "texts without a number above 0 share one binary code",
    }
    for bits, text in told.items():
        cases = [
            f"{model} at {case.removeprefix(f'{bits} ')} on {config.display('datasets', dataset)} "
            f"({count})"
            for (model, case, dataset), count in coding.items()
            if case.startswith(f"{bits} ")
        ]
        if cases:
            yield f"{_counted(len(cases), 'case', 'cases')} in which {text}: {_named(cases)}."


def _skipped(skipped: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    for name, (count, steps) in skipped.items():
        yield (
            f"{_counted(count, 'step', 'steps')} of {steps} of {name} had no finite gradient and "
            f"{'was' if count == 1 else 'were'} skipped."
        )


def _overridden(results: Results) -> Iterator[str]:
    """Tell where models are not pooled or compared as their checkpoint says."""
    config = results.config
    for (key, own, asked), models in results.overridden.items():
        cases = [f"{system_name(config, system)} ({track})" for system, track in models]
        yield (
            f"The config sets the {key} {asked} where the checkpoint has {own}: {_named(cases)}."
        )


def _losses(losses: Mapping[str, Sequence[float]]) -> Iterator[str]:
    for name, logged in losses.items():
        if not all(map(math.isfinite, logged)):
            yield f"The training loss of {name} was at times not a number."
        elif len(logged) > 1 and logged[-1] >= logged[0]:
            yield (
                f"The training loss of {name} did not fall: {logged[0]:.3g} at first, "
                f"{logged[-1]:.3g} at last."
            )


def _without_context(losses: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    cases = [
        f"{name} ({loss:.2f}, where token frequencies alone give {of_frequencies:.2f})"
        for name, (loss, of_frequencies) in losses.items()
        if loss > LITTLE_CONTEXT * of_frequencies
    ]
    if cases:
        yield (
            "The masked-language loss of the full size is little below that of token frequencies: "
            f"hardly anything was learnt from context by {_named(cases)}."
        )


def _titles(titles: Mapping[str, float], config: Config) -> Iterator[str]:
    """Warn of passages that a model met in training with titles and is scored on without any."""
    for track, section in config.tracks.items():
        corpora = {name: corpus_of(config, name) for name in section.scored}
        for dataset in training_sets(config, track):
            share = titles.get(dataset)
            if share is None:
                continue
            is_titled = share >= MOSTLY
            other = [
                config.display("datasets", name)
                for name, corpus in corpora.items()
                if corpus in titles
                and (titles[corpus] == 0 if is_titled else share == 0 and titles[corpus] >= MOSTLY)
            ]
            if other:
                known, unknown = ("titles", "none") if is_titled else ("no titles", "some")
                yield (
                    f"The passages of {config.display('datasets', dataset)}, which is trained on, "
                    f"have {known}, but those of {_named(other)} have {unknown}."
                )


def _collapses(scores: pd.DataFrame, config: Config) -> Iterator[str]:
    for group in groups_of(config):
        for found in collapses(scores, config, group):
            yield (
                f"{config.display('datasets', found.dataset)} collapses at "
                f"{_label(config, found.size)} of {system_name(config, found.system)}: "
                f"{shorten(found.value)}, after {shorten(found.best_before)} at a smaller size, "
                "while the other datasets do not fall."
            )


def _upside_down(tests: pd.DataFrame | None, config: Config) -> Iterator[str]:
    """Warn of sizes that significantly beat a larger one of the same system."""
    if tests is None:
        return
    rows = significant(tests, config)
    rows = rows[(rows["system"] == rows["against"]) & (rows["difference"] > 0)]
    for system in config.systems:
        found = rows[rows["system"] == system]
        if found.empty:
            continue
        cases = []
        pairs = found.groupby(["layers", "dim", "against_layers", "against_dim"], sort=False)
        for (layers, dim, *larger), part in sorted(pairs, key=lambda pair: -len(pair[1])):
            names = [config.display("datasets", name) for name in part["dataset"]]
            small, large = Size(layers, dim), Size(*larger)
            cases.append(f"{_label(config, small)} over {_label(config, large)} on {_named(names)}")
        yield (
            f"{system_name(config, system)}: a smaller size significantly beats a larger one: "
            f"{_named(cases, '; ')}."
        )


def _few_queries(scores: pd.DataFrame, config: Config) -> Iterator[str]:
    counts = scores[scores["queries"] > 0].groupby("dataset", sort=False)["queries"].max()
    for dataset, count in counts[counts < FEW_QUERIES].items():
        yield (
            f"{config.display('datasets', str(dataset))} has only {count} queries: its "
            "scores are imprecise."
        )


def _label(config: Config, size: Size) -> str:
    return config.size_label(size).capitalize()


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _named(cases: Sequence[str], between: str = ", ") -> str:
    shown = between.join(cases[:MOST_NAMED])
    more = len(cases) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
