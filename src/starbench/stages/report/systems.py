"""What the systems of a run are, in words: a backbone, an objective, and what they are built on."""

from __future__ import annotations

from starbench.config.config import Config
from starbench.config.escapes import in_markdown
from starbench.config.resolved import backbone_of, backbones_of, starts_of, teacher_of
from starbench.objectives import OBJECTIVES
from starbench.stages.report.groups import system_name

CUTS = {
    "prefix": "",
    "random": "; random dimensions",
    "pca": "; principal components",
    "whitening": "; whitened principal components",
}
"""What is said of a system by what its sizes keep of an embedding; usual are first dimensions."""


def described(config: Config, system: str) -> list[str]:
    """Return a system's name, its backbone and its fine-tuning, in Markdown."""
    section = config.systems[system]
    how = f"{OBJECTIVES[section.objective].summary}{CUTS[section.cut]}"
    more = in_markdown("".join(f"; {text}" for text in built_on(config, system)))
    name = in_markdown(system_name(config, system))
    return [name, in_markdown(_backbones(config, system)), how + more]


def built_on(config: Config, system: str) -> list[str]:
    """Return what a system starts from, and what teaches it, if anything does."""
    shares = starts_of(config, system)
    named = [config.display("systems", name) for name in shares]
    parts = [f"starts from {named[0]}"] if len(named) == 1 else []
    if len(named) > 1:
        of = [f"{share:.0%} {name}" for share, name in zip(shares.values(), named, strict=True)]
        parts = [f"average of the weights of {' and '.join(of)}"]
    found = {track: teacher_of(config, system, track) for track in config.tracks}
    for teacher in dict.fromkeys(name for name in found.values() if name is not None):
        on = [track for track, name in found.items() if name == teacher]
        where = "" if len(on) == len(found) else f" on {' and '.join(on)}"
        parts.append(f"taught by {config.display('systems', teacher)}{where}")
    return parts


def _backbones(config: Config, system: str) -> str:
    used = backbones_of(config, system)
    if len(used) == 1:
        return _backbone(config, used[0])
    named = ((backbone_of(config, system, track), track) for track in config.tracks)
    return "; ".join(f"{track}: {_backbone(config, name)}" for name, track in named)


def _backbone(config: Config, name: str) -> str:
    backbone = config.backbones[name]
    made = config.display("backbones", name)
    if backbone.checkpoint is not None:
        made += f" ({backbone.checkpoint.name})"
    elif backbone.architecture is not None:
        made += " (from scratch)"
    return made
