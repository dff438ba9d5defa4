"""The summary of a run: the one page that a person reads first, as Markdown and as HTML."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starbench.config.config import Config
from starbench.config.escapes import in_markdown, one_line
from starbench.machine.files import write_text
from starbench.run.leakage import training_sets
from starbench.stages.report.cautions import cautions
from starbench.stages.report.commands import ELSEWHERE, commands_of, folded
from starbench.stages.report.findings import findings
from starbench.stages.report.groups import groups_of, has_bm25, system_name
from starbench.stages.report.numbers import shorten
from starbench.stages.report.products import (
    OVERVIEW,
    PARETO,
    figure_labels,
    has_claims,
    table_names,
)
from starbench.stages.report.results import Results
from starbench.stages.report.systems import described
from starbench.stages.report.tables.asymmetric import asymmetric_summary
from starbench.stages.report.tables.bits import bits_summary
from starbench.stages.report.tables.claims import Answer, Verdict, verdicts
from starbench.stages.report.tables.formats import as_headline_markdown
from starbench.stages.report.tables.published import compare_with_paper
from starbench.stages.report.tables.table import make_table
from starbench.stages.report.trainings import trainings_table
from starbench.store.scores import BM25


def write_summary(results: Results, folder: Path, more_figures: Sequence[str] = ()) -> None:
    """Write ``summary.md`` and ``summary.html`` into the folder of a run."""
    text = summary_markdown(results, more_figures)
    write_text(folder / "summary.md", text)
    write_text(folder / "summary.html", as_html(text, folder, _title(results.config)))


def summary_markdown(results: Results, more_figures: Sequence[str] = ()) -> str:
    """Return the page: what was run, the verdicts, the averages, the warnings, where from."""
    parts = [
        f"# {in_markdown(_title(results.config))}",
        *_what(results),
        "## In short",
        *findings(results),
        *_averages(results),
        *(["## What sizes cost", *_costs(results)] if results.options else []),
        *(["## The paper's claims", *_claims(results)] if has_claims(results.config) else []),
        *_bits(results),
        *_asymmetric(results),
        "## Warnings",
        *_warnings(results),
        "## All tables and figures",
        *_index(results.config, more_figures),
        "## Provenance",
        *_provenance(results),
        *(_commands(results) if results.manifest is not None else []),
    ]
    return "\n\n".join(parts) + "\n"


def _title(config: Config) -> str:
    return one_line(config.title) or config.run


def _what(results: Results) -> Iterator[str]:
    config = results.config
    sizes = ", ".join(
        f"{named.name.capitalize()} {named.layers}/{named.dim}"
        if named.name
        else f"{named.layers}/{named.dim}"
        for named in config.sizes
    )
    yield (
        "Each system is a text-embedding model that can be cut: to its first layers (n) and its "
        f"embeddings to their first dimensions (d). Trained sizes n/d: {sizes}."
    )
    rows = [f"| {' | '.join(described(config, name))} |" for name in config.systems]
    yield "\n".join(["| System | Backbone | Fine-tuning |", "|---|---|---|", *rows])
    bullets = []
    for group in groups_of(config):
        names = ", ".join(in_markdown(config.display("datasets", name)) for name in group.datasets)
        trained = training_sets(config, group.track)
        on = ", ".join(in_markdown(config.display("datasets", name)) for name in sorted(trained))
        bullets.append(
            f"- {group.title[0].upper()}{group.title[1:]}: {names}"
            f"{'; trained on ' + on if on else ''}."
        )
    yield "\n".join(bullets)
    if len(config.seeds) > 1:
        yield (
            f"Trained with {len(config.seeds)} seeds: tables show mean ± standard deviation, "
            "plots a band of one standard deviation."
        )


def _averages(results: Results) -> Iterator[str]:
    config = results.config
    yield f"![average against size](figures/{OVERVIEW}.png)"
    for group in groups_of(config):
        table = make_table(results.scores, config, [group], results.marks)
        bm25 = f" {system_name(config, BM25)} has no size." if has_bm25(config, group) else ""
        shown = in_markdown(group.shown(config))
        over = ", ".join(in_markdown(config.display("datasets", name)) for name in group.averaged)
        mean = f", mean over {over}" if len(group.averaged) > 1 else ""
        yield f"**{shown[0].upper()}{shown[1:]}**{mean}. Bold: best of its size.{bm25}"
        yield as_headline_markdown(table, config)


def _bits(results: Results) -> Iterator[str]:
    if parts := bits_summary(results):
        yield "## Fewer bits a number"
        yield from parts
        yield (
            "float32, float16, int8 and binary keep 32, 16, 8 bits and 1 bit of each number of a "
            "stored vector. Where there is a `+`, what is before it finds a shortlist, which is "
            "ranked again by what is behind it. Bytes, values and tests of all systems are in "
            "[tables/bits.md](tables/bits.md)."
        )


def _asymmetric(results: Results) -> Iterator[str]:
    if parts := asymmetric_summary(results):
        yield "## Small queries over large passages"
        yield from parts
        yield "Other dimensions are in [tables/asymmetric.md](tables/asymmetric.md)."


def _costs(results: Results) -> Iterator[str]:
    for name in results.options:
        yield f"![score against cost](figures/{name}_{PARETO}.png)"
    yield (
        "Grey sizes score less than another one that costs no more. Latency is that of encoding a "
        "query; an index holds vectors alone; multiply-adds are those of encoding a query, and of "
        "exact search where the track has one. The numbers are in "
        f"[tables/{PARETO}.md](tables/{PARETO}.md); `starbench advise --run {results.config.run}` "
        "chooses within limits."
    )


def _claims(results: Results) -> Iterator[str]:
    config = results.config
    if config.report.published == "numbers":
        yield from _shared_numbers(results)
    elif results.manifest is not None:
        yield (
            "This run has other data or another backbone than the paper, so its numbers are not "
            "comparable with the published ones; what can be compared is what they say."
        )
    judged = verdicts(results.scores, config)
    found = [verdict for verdict in judged if verdict.asked]
    yield "\n".join(_matrix(found))
    failed = [verdict for verdict in found if verdict.answer == "does not hold"]
    if failed:
        lines = ["| What does not hold | On | Differences |", "|---|---|---|"]
        lines += [
            f"| {in_markdown(v.claim)} | {in_markdown(v.where)} | {in_markdown(v.why)} |"
            for v in failed
        ]
        yield "\n".join(lines)
    reasons = dict.fromkeys(f"{v.claim}: {v.why}." for v in found if v.answer == "cannot be told")
    if reasons:
        yield "What cannot be told, and why:"
        yield "\n".join(f"- {in_markdown(reason)}" for reason in reasons)
    answered = {verdict.claim for verdict in found}
    rest = [v for v in judged if not v.asked and v.claim not in answered]
    if rest:
        left = dict.fromkeys(f"{verdict.claim} ({verdict.why})" for verdict in rest)
        yield f"Not asked of this run: {in_markdown('; '.join(left))}."
    yield "The numbers behind them are in [tables/claims.md](tables/claims.md)."


def _matrix(found: Sequence[Verdict]) -> Iterator[str]:
    """Yield the lines of a table of claims by what they are about."""
    places = list(dict.fromkeys(verdict.where for verdict in found))
    yield "| Claim | " + " | ".join(map(in_markdown, places)) + " |"
    yield "|---|" + "---|" * len(places)
    for claim in dict.fromkeys(verdict.claim for verdict in found):
        answers = {v.where: v.answer for v in found if v.claim == claim}
        cells = [_answer(answers.get(place)) for place in places]
        yield f"| {in_markdown(claim)} | " + " | ".join(cells) + " |"


def _answer(answer: Answer | None) -> str:
    if answer is None:
        return "not claimed"
    return f"**{answer}**" if answer != "cannot be told" else answer


def _shared_numbers(results: Results) -> Iterator[str]:
    shared = compare_with_paper(results.scores, results.config)
    if shared.empty:
        yield (
            "No score of this run has the system, size, dataset and metric of a published one, by "
            "name: there are no numbers to compare."
        )
        return
    lines = ["| System | Scores shared | Mean difference | Largest |", "|---|---:|---:|---:|"]
    for system, rows in shared.groupby("system", sort=False):
        largest = rows["difference"].loc[rows["difference"].abs().idxmax()]
        lines.append(
            f"| {in_markdown(system_name(results.config, str(system)))} | {len(rows)} | "
            f"{shorten(rows['difference'].mean())} | {shorten(largest)} |"
        )
    yield "Differences of this run's scores to the published ones (`tables/published.md`):"
    yield "\n".join(lines)


def _warnings(results: Results) -> Iterator[str]:
    found = cautions(results)
    yield "\n".join(f"- {in_markdown(text)}" for text in found) if found else "None."
    if note := results.marks.note(results.config.tracks):
        own = results.manifest is not None and results.config.report.published != "none"
        more = " The paper does not say which test its own marks are by." if own else ""
        yield f"In the tables, {in_markdown(note)}{more}"


def _index(config: Config, more_figures: Sequence[str]) -> Iterator[str]:
    names = table_names(config, ["md"])
    tables = [f"[{name[:-3].replace('_', ' ')}](tables/{name})" for name in names]
    yield f"Tables (also as CSV and LaTeX): {', '.join(tables)}."
    stems = [stem for stem in [*figure_labels(config), *more_figures] if stem != OVERVIEW]
    figures = [f"[{stem.replace('_', ' ')}](figures/{stem}.png)" for stem in stems]
    yield f"Figures (also as PDF): {', '.join(figures)}."
    if more_figures:
        yield "### The grids of the reproduction study"
    for stem in more_figures:
        if stem.endswith("_heatmaps"):
            yield f"![{stem.replace('_', ' ')}](figures/{stem}.png)"


def _provenance(results: Results) -> Iterator[str]:
    manifest = results.manifest
    if manifest is None:
        yield (
            "The numbers are those printed in the paper (arXiv 2410.13230, ECIR 2026, Tables A1 "
            "and A2) and in the plots and tables of the reproduction study of 2D Matryoshka "
            "embeddings (arXiv 2411.17299). Each row of the data that ships with the package names "
            "its source. Nothing was run."
        )
        return
    git, on = manifest["git"], manifest["reported_on"]
    facts = [
        f"Manifest `{results.manifest_hash}` (`manifest.json`), config "
        f"`{manifest['config_sha256'][:12]}`, commit `{(git['commit'] or 'none')[:12]}`"
        f"{' with local changes' if git['dirty'] else ''}.",
        f"Reported on {in_markdown(_machine(on))}.",
    ]
    yield " ".join(facts)
    if plugins := manifest.get("plugins"):
        told = (f"{what} of {p['package']} {p['version']}" for what, p in plugins.items())
        yield f"Plugins: {in_markdown('; '.join(told))}."
    lines = ["| Stage | Jobs | Hours | Highest memory | Energy |", "|---|---:|---:|---:|---:|"]
    for stage, cost in manifest["stages"].items():
        energy = "not told" if cost["energy_j"] is None else f"{cost['energy_j'] / 3600:.1f} Wh"
        lines.append(
            f"| {in_markdown(stage)} | {cost['jobs']} | {cost['wall_s'] / 3600:.2f} | "
            f"{cost['peak_memory_mib'] / 1024:.1f} GiB | {energy} |"
        )
    yield "\n".join(lines)
    if trained := manifest.get("trainings"):
        yield (
            "What fine-tuning took, all models of a system together, per seed: hours of the steps "
            "alone, and multiply-adds of their forward and backward passes by formula."
        )
        yield "\n".join(trainings_table(trained, results.config))


def _commands(results: Results) -> Iterator[str]:
    yield "## Make a number again"
    yield (
        "The numbers of a model, in all tables and figures, come from one command, called in the "
        f"folder of the workflow. It makes them from the start, below `{ELSEWHERE}/`: in the "
        "folder of the file that it names, a `scores.csv` for each dataset."
    )
    yield "\n".join(commands_of(results.config))


def _machine(on: dict[str, Any]) -> str:
    gpus = f", {', '.join(on['gpus'])}" if on["gpus"] else ""
    return f"{on['processor']}, {on['cores']} cores, {on['memory_gib']:.0f} GiB{gpus}"


def as_html(text: str, folder: Path, title: str) -> str:
    """Return a summary as a page of its own: its pictures within it, links to files as text."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    body = re.sub(r'<img src="([^"]+)"', lambda found: _embedded(folder, found[1]), body)
    # In the HTML report the page is alone: files beside it cannot be reached from there.
    body = re.sub(r'<a href="[^"]+">(.*?)</a>', r"\1", body)
    return PAGE.format(title=html.escape(title), body=folded(body))


def _embedded(folder: Path, name: str) -> str:
    data = base64.b64encode((folder / name).read_bytes()).decode("ascii")
    return f'<img src="data:image/png;base64,{data}"'


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; background: #fff; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; }}
h2 {{ font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ddd; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; margin: 0.7rem 0; display: block; overflow-x: auto; }}
th, td {{ padding: 0.2rem 0.6rem; border-bottom: 1px solid #e5e5e5; vertical-align: top; }}
th {{ text-align: left; border-bottom: 2px solid #999; }}
code {{ background: #f2f2f2; padding: 0 0.2rem; }}
summary {{ cursor: pointer; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
