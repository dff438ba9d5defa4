"""For each number of a run, the command that makes it again from the start."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from starbench.config.config import Config
from starbench.config.escapes import in_markdown, one_line
from starbench.run.jobs import FINISHED
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.stages.report.groups import system_name
from starbench.store.scores import BM25

ELSEWHERE = "results/again"
"""The folder of runs that the commands make: what is finished is not made again where it lies."""

FOLDED = re.compile(
    r"<li>\n?(?:<p>)?<strong>(.*?)</strong>(.*?): <code>(.*?)</code>(?:</p>)?\n?</li>"
)


def commands_of(config: Config) -> Iterator[str]:
    """Yield the lines of a Markdown list: what a command makes, and the command."""
    paths = RunPaths.of(config, Path(ELSEWHERE))
    for track in config.tracks:
        for model in models_of(config, track):
            first, *others = model.seeds
            at = f"at {config.size_label(model.sizes[0])}, " if len(model.cells) == 1 else ""
            also = f" (likewise with {', '.join(map(str, others))})" if others else ""
            what = f"{at}{track}, seed {first}{also}"
            folder = paths.scores(track, model.name, first)
            yield _line(config, model.system, what, folder / FINISHED)
            # A system with a model per size may have its full one from another system.
            full = f"at {config.size_label(config.full_size)}, {track}, seed {first}{also}"
            yield from (_line(config, name, full, folder / FINISHED) for name in model.shared)
        if config.bm25_of(track):
            yield _line(config, BM25, track, paths.bm25(track) / FINISHED)


def _line(config: Config, system: str, what: str, target: Path) -> str:
    file = RunPaths.of(config).configs.parent / "config.yaml"
    words = ["snakemake", "--configfile", str(file), "--config", f"results={ELSEWHERE}"]
    command = one_line(shlex.join([*words, "--", str(target)]))
    # A code span is closed by as many backticks as it was opened with.
    longest = max((len(ticks) for ticks in re.findall(r"`+", command)), default=0)
    fence = "`" * (longest + 1)
    name = in_markdown(system_name(config, system))
    return f"- **{name}**, {in_markdown(what)}: {fence}{command}{fence}"


def folded(body: str) -> str:
    """Return a page on which each line of `commands_of` unfolds to its command."""
    return FOLDED.sub(
        r"<li><details><summary><strong>\1</strong>\2</summary><code>\3</code></details></li>", body
    )
