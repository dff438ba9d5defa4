"""The config, checked, and what the run consists of: targets, inputs and parameters of rules."""

from starbench import data, embedding, evaluation, finetuning, pretraining, reporting
from starbench.config_loading import effective_config
from starbench.errors import InputError
from starbench.models import (
    embedding_slice,
    finetuning_slice,
    finetuning_of,
    model_named,
    models_of,
    objective_of,
    pretraining_slice,
)
from starbench.paths import RunPaths
from starbench.reporting import figure_labels, figure_names, report_slice, table_names
from snakemake.exceptions import WorkflowError

try:
    # The commands read the config as Snakemake sees it, --config included, from the run's folder.
    CONFIG, CONFIG_FILE = effective_config(config, workflow.overwrite_configfiles)
except InputError as error:
    raise WorkflowError(str(error))

PATHS = RunPaths.of(CONFIG)
MODELS = [model for track in CONFIG.tracks for model in models_of(CONFIG, track)]


def names(values):
    """Return a regular expression that matches just these names."""
    return "|".join(sorted(set(values))) or "none"


wildcard_constraints:
    run=CONFIG.run,
    dataset=names(CONFIG.datasets),
    backbone=names(CONFIG.backbones),
    model=names(model.name for model in MODELS),
    track=names(CONFIG.tracks),
    seed=names(str(seed) for seed in CONFIG.seeds),


def finished(folder):
    """Return the manifest that says a stage's folder is complete."""
    return str(folder / "manifest.json")


def all_products():
    """Return every product: every table and figure of the run."""
    return [
        *(str(PATHS.root / "tables" / name) for name in table_names(CONFIG)),
        *(str(PATHS.root / "figures" / name) for name in figure_names(CONFIG)),
    ]


def all_data():
    """Return every dataset and checkpoint that the run uses."""
    used = {task for track in CONFIG.tracks.values() for task in track.tasks}
    for model in MODELS:
        if objective_of(CONFIG, model.system, model.track).trains:
            used.add(finetuning_of(CONFIG, model.system, model.track).dataset)
    fetched = []
    for name, backbone in CONFIG.backbones.items():
        used.update(backbone.pretraining.datasets if backbone.pretraining else [])
        if backbone.checkpoint:
            fetched.append(finished(PATHS.checkpoint(name)))
    return fetched + [finished(PATHS.dataset(name)) for name in sorted(used)]


def backbone_inputs(wildcards):
    """Return what a backbone is made from: its texts, and the backbone it starts from."""
    backbone = CONFIG.backbones[wildcards.backbone]
    inputs = [PATHS.dataset(name) for name in backbone.pretraining.datasets]
    if backbone.start:
        inputs.append(PATHS.backbone_in_use(CONFIG, backbone.start, wildcards.seed))
    elif backbone.checkpoint:
        inputs.append(PATHS.checkpoint(wildcards.backbone))
    return [finished(folder) for folder in inputs]


def model_inputs(wildcards):
    """Return what a model is made from: its backbone, and the data it is trained on."""
    system = model_named(CONFIG, wildcards.track, wildcards.model).system
    backbone = CONFIG.systems[system].backbone
    inputs = [PATHS.backbone_in_use(CONFIG, backbone, wildcards.seed)]
    if objective_of(CONFIG, system, wildcards.track).trains:
        inputs.append(
            PATHS.dataset(finetuning_of(CONFIG, system, wildcards.track).dataset)
        )
    return [finished(folder) for folder in inputs]


def all_parts(wildcards):
    """Return the scores of every model, seed and dataset of the run."""
    return [
        str(PATHS.scores(model.track, model.name, seed, dataset))
        for model in MODELS
        for seed in CONFIG.seeds
        for dataset in CONFIG.tracks[model.track].tasks
    ]


def dataset_params(wildcards):
    """Return what a dataset depends on."""
    return {
        "version": data.RESULTS_VERSION,
        **CONFIG.datasets[wildcards.dataset].model_dump(),
    }


def checkpoint_params(wildcards):
    """Return what a fetched checkpoint depends on."""
    return CONFIG.backbones[wildcards.backbone].checkpoint.model_dump()


def backbone_params(wildcards):
    """Return what a backbone's training depends on."""
    part = pretraining_slice(CONFIG, wildcards.backbone, int(wildcards.seed))
    return {"version": pretraining.RESULTS_VERSION, **part}


def model_params(wildcards):
    """Return what a model's training depends on."""
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    part = finetuning_slice(CONFIG, model, int(wildcards.seed))
    return {"version": finetuning.RESULTS_VERSION, **part}


def embedding_params(wildcards):
    """Return what a model's embeddings depend on."""
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    return {"version": embedding.RESULTS_VERSION, **embedding_slice(CONFIG, model)}


def score_params(wildcards):
    """Return what a model's scores depend on."""
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    scored = [f"{system} {size}" for system, size in model.scored()]
    return {"version": evaluation.RESULTS_VERSION, "scored": scored}


def report_params(wildcards):
    """Return what the tables and figures depend on besides the scores."""
    return {"version": reporting.RESULTS_VERSION, **report_slice(CONFIG)}
