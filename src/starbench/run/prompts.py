"""Prompts: what is put before a text, by its role and its dataset.

Names are those of MTEB and sentence-transformers: a role (`query`, `passage`, `text`), a dataset,
a dataset with a role (`scifact-query`), and in a model's own prompts also MTEB's type of task
(`STS`, `Retrieval-query`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starbench.tracks import TRACKS

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.models import Model

ROLES = {"pairs": "text", "queries": "query", "passages": "passage", "texts": "text"}
ROLES |= {"task": "text"}
"""{set of texts of a dataset: the role of its texts}"""

TASK_ROLES = ("text", "query", "passage")
"""The roles of the texts of a task."""

ALIASES = {"passage": ("document", "corpus")}
"""What models call a role besides."""


def find_prompt(
    prompts: Mapping[str, str], dataset: str, role: str, task_type: str | None = None
) -> str | None:
    """Return the prompt of the most specific name that fits, None if there is none.

    Args:
        prompts: {name: prompt}.
        dataset: name of the dataset that a text is of.
        role: the text's role: `query`, `passage` or `text`.
        task_type: MTEB's type of the task, e.g. ``STS``.
    """
    roles = (role, *ALIASES.get(role, ()))
    names = [*(f"{dataset}-{name}" for name in roles), dataset]
    if task_type is not None:
        names += [*(f"{task_type}-{name}" for name in roles), task_type]
    return next((prompts[name] for name in (*names, *roles) if name in prompts), None)


def own_prompt(
    prompts: Mapping[str, str], default: str | None, task_type: str | None, of: tuple[str, str]
) -> str:
    """Return a model's own prompt for texts of (dataset, role); empty if it has none.

    Args:
        prompts: the model's prompts.
        default: name of the one that it uses where nothing else fits.
        task_type: MTEB's type of the task.
        of: the dataset and the role of the texts.
    """
    found = find_prompt(prompts, *of, task_type)
    return found if found is not None else prompts.get(default or "", "")


def asked_prompt(config: Config, model: Model, dataset: str, role: str) -> str | None:
    """Return the prompt that the config gives for texts of a dataset; None: the model's own."""
    return find_prompt(config.backbones[model.backbone].prompts, dataset, role)


def prompt_for(
    config: Config,
    model: Model,
    own: tuple[Mapping[str, str], str | None],
    dataset: str,
    role: str,
    task: tuple[str, str] | None = None,
) -> str:
    """Return what is put before a dataset's texts in a role: the config's prompt, or the model's.

    Args:
        config: the run's config.
        model: the model that reads the texts.
        own: the model's prompts, and the name of the one that it uses where nothing else fits.
        dataset: the dataset that the texts are of.
        role: `query`, `passage` or `text`.
        task: MTEB's name and type of the task that the texts are of; None: the dataset's name, and
            the track's type.
    """
    asked = asked_prompt(config, model, dataset, role)
    if asked is not None:
        return asked
    called, task_type = task or (dataset, TRACKS[model.track].mteb_type)
    return own_prompt(*own, task_type, (called, role))


def guide_prompt(
    config: Config, model: Model, own: tuple[Mapping[str, str], str | None], role: str
) -> str:
    """Return what a model's guide has before texts in a role; arguments as for `prompt_for`.

    A guide has one prompt for each role: that for the first dataset of the training.
    """
    assert model.guide is not None
    dataset = model.finetuning.datasets[0]
    asked = find_prompt(config.backbones[model.guide].prompts, dataset, role)
    task_type = TRACKS[model.track].mteb_type
    return own_prompt(*own, task_type, (dataset, role)) if asked is None else asked


def training_roles(model: Model, columns: int) -> list[str]:
    """Return the roles of the columns of a training's examples."""
    if not TRACKS[model.track].searches:
        return ["text"] * columns
    return ["query", *["passage"] * (columns - 1)]
