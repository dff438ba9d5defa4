"""Which systems of a run the paper's claims are about."""

from __future__ import annotations

from collections.abc import Iterator

from starbench.config.config import Config
from starbench.config.resolved import backbone_of, systems_read
from starbench.published import Claim, Role, claims

ROLES: dict[Role, str] = {
    "single": "model trained at the full size alone",
    "separate": "separately trained models",
    "2dmse": "2DMSE",
    "srl": "SRL without SMAE",
    "starbucks": "Starbucks (SRL after SMAE)",
}
"""What the systems of the claims are, in words."""


def asked(config: Config) -> list[Claim]:
    """Return the claims of which a run has both systems, on one of their tracks at least."""
    return [
        claim
        for claim in claims()
        if any(list(pairs_of(claim, config, t)) for t in config.tracks if t in claim.tracks)
    ]


def pairs_of(claim: Claim, config: Config, track: str) -> Iterator[tuple[str, str]]:
    """Yield the systems that a claim is about: of its roles, and from the same first backbone."""
    for better in systems_of(config, claim.better, track):
        for worse in systems_of(config, claim.worse, track):
            if _origin(config, better, track)[0] == _origin(config, worse, track)[0]:
                yield better, worse


def systems_of(config: Config, role: Role, track: str) -> list[str]:
    """Return the systems that have a role on a track."""
    return [name for name in config.systems if role_of(config, name, track) == role]


def role_of(config: Config, system: str, track: str) -> str | None:
    """Return a system's role on a track in the paper's terms; None if it has none there.

    What was pre-trained otherwise than by MLM or SMAE, as by RetroMAE, is none of the paper's, nor
    is what starts from a trained model or is taught by one.
    """
    if systems_read(config, system, track):
        return None
    objective = config.systems[system].objective
    _, pretrained = _origin(config, system, track)
    if not pretrained:
        return objective
    return "starbucks" if objective == "srl" and pretrained == {"smae"} else None


def _origin(config: Config, system: str, track: str) -> tuple[str, set[str]]:
    """Return the first backbone of a system's, and how it was pre-trained other than by MLM."""
    name = backbone_of(config, system, track)
    objectives = set()
    while True:
        backbone = config.backbones[name]
        if backbone.pretraining is not None:
            objectives.add(backbone.pretraining.objective)
        if backbone.start is None:
            return name, objectives - {"mlm"}
        name = backbone.start
