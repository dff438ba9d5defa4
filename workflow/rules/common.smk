"""The config, checked, and what the run consists of: targets, inputs and parameters of rules."""

import os

from snakemake.exceptions import WorkflowError

from starbench.config.resolved import backbone_of, finetuning_of, objective_of
from starbench.errors import InputError
from starbench.machine.holders import announce
from starbench.run import versions
from starbench.run.effective import VARIABLE, effective_config, started_config
from starbench.run.fetched import checkpoint_slice, dataset_slice
from starbench.run.leakage import compared_datasets, training_sets
from starbench.run.models import model_named, models_of
from starbench.run.paths import RunPaths
from starbench.run.slices import (
    comparison_slice,
    embedding_slice,
    finetuning_slice,
    floor_slice,
    pretraining_slice,
    scoring_slice,
    searching_slice,
    text_set_slice,
)
from starbench.run.texts import searched_in, sharded, text_sets
from starbench.stages.data.origins import checkpoint_stamp, dataset_stamp
from starbench.stages.report.escapes import params_in_snakemake
from starbench.stages.report.products import (
    SUMMARY_FORMATS,
    figure_labels,
    figure_names,
    report_slice,
    table_names,
)

try:
    # The commands read the config as Snakemake sees it, --config included, from the run's folder.
    if workflow.is_main_process or VARIABLE not in os.environ:
        EFFECTIVE = effective_config(config, workflow.overwrite_configfiles)
    else:
        EFFECTIVE = started_config(Path(os.environ[VARIABLE]))
except InputError as error:
    raise WorkflowError(str(error))

CONFIG = EFFECTIVE.config
# A Path, not a text: Snakemake then leaves it out of what a job depends on.
CONFIG_FILE = EFFECTIVE.file
os.environ[VARIABLE] = str(CONFIG_FILE.absolute())


envvars:
    VARIABLE,


if workflow.is_main_process:
    # Who holds Snakemake's lock, for `starbench unlock`.
    announce(Path())


# Called when the lock is taken and there are jobs to run, and not in a dry run.
onstart:
    EFFECTIVE.keep_and_record()


if workflow.is_main_process and not (
    workflow.modifier.is_main_snakefile()
    and not getattr(workflow.execution_settings, "no_hooks", False)
):
    # Snakemake calls no `onstart` of a module, or with --no-hooks.
    EFFECTIVE.keep()

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
    shard=r"\d+",


def resources_of(stage):
    """Return what one job of a stage asks for; a job that is tried again asks for more.

    Snakemake tries again where the profile says so (`retries`): with twice, then three times the
    memory and time, up to the config's `max_...`. Names are those of the Slurm plugin.
    """
    compute = getattr(CONFIG.compute, stage)

    def memory(wildcards, attempt):
        asked = attempt * compute.memory_mb
        return min(asked, compute.max_memory_mb or asked)

    def runtime(wildcards, attempt):
        asked = attempt * compute.runtime_min
        return min(asked, compute.max_runtime_min or asked)

    asked = {"mem_mb": memory, "runtime": runtime, **gpus_of(compute)}
    for key in ("partition", "account"):
        if getattr(compute, key):
            asked[f"slurm_{key}"] = getattr(compute, key)
    if compute.constraint:
        asked["constraint"] = compute.constraint
    return asked


def gpus_of(compute):
    """Return how one job asks for its GPUs: `--gpus`, or `--gres` if the config names one."""
    if CONFIG.compute.gres is None or not compute.gpus:
        asked = {"gpu": compute.gpus}
    else:
        asked = {"gres": f"{CONFIG.compute.gres}:{compute.gpus}"}
    if compute.gpus > 1:
        # One task, on one node, starts a process for each GPU by itself (torchrun).
        asked |= {"tasks_per_gpu": 0, "nodes": 1}
    return asked


def finished(folder):
    """Return the manifest that says a stage's folder is complete."""
    return str(folder / "manifest.json")


def all_products():
    """Return every product: the summary, every table and every figure of the run."""
    return [
        *(str(PATHS.root / f"summary.{ending}") for ending in SUMMARY_FORMATS),
        *(str(PATHS.root / "tables" / name) for name in table_names(CONFIG)),
        *(str(PATHS.root / "figures" / name) for name in figure_names(CONFIG)),
    ]


def all_data():
    """Return every dataset and checkpoint that the run uses."""
    scored = [task for track in CONFIG.tracks.values() for task in track.scored]
    used = set(with_corpora(scored))
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
    backbone = backbone_of(CONFIG, system, wildcards.track)
    inputs = [PATHS.backbone_in_use(CONFIG, backbone, wildcards.seed)]
    if objective_of(CONFIG, system, wildcards.track).trains:
        inputs.append(
            PATHS.dataset(finetuning_of(CONFIG, system, wildcards.track).dataset)
        )
        if CONFIG.tracks[wildcards.track].leakage == "drop":
            inputs += map(PATHS.dataset, CONFIG.tracks[wildcards.track].scored)
    return [finished(folder) for folder in inputs]


def leakage_inputs(wildcards):
    """Return what models are fine-tuned on, and what they are scored on."""
    return [finished(PATHS.dataset(name)) for name in compared_datasets(CONFIG)]


def leakage_params(wildcards):
    """Return which scored datasets are looked for in which training data."""
    compared = {
        track: [training_sets(CONFIG, track), section.scored]
        for track, section in CONFIG.tracks.items()
    }
    return {"version": versions.LEAKAGE, **compared}


def dataset_inputs(wildcards):
    """Return the collection whose passages a dataset's judgements are of, if not its own."""
    other = CONFIG.datasets[wildcards.dataset].corpus
    return [finished(PATHS.dataset(other))] if other else []


def scored_datasets(wildcards):
    """Return what the models of a track are scored on, and where passages stand."""
    return [
        finished(PATHS.dataset(name))
        for name in with_corpora(CONFIG.tracks[wildcards.track].scored)
    ]


def floor_datasets(wildcards):
    """Return what BM25 is scored on."""
    return [
        finished(PATHS.dataset(name)) for name in with_corpora(CONFIG.bm25_datasets)
    ]


def with_corpora(datasets):
    """Return datasets and those whose passages they share, each once."""
    corpora = [CONFIG.datasets[name].corpus for name in datasets]
    return list(dict.fromkeys([*datasets, *(name for name in corpora if name)]))


def embedded_shards(wildcards):
    """Return the shards that have jobs of their own, embedded by one model."""
    folder = PATHS.embeddings(wildcards.track, wildcards.model, wildcards.seed)
    return [
        finished(folder / texts.folder)
        for texts in sharded(text_sets(CONFIG, wildcards.track))
    ]


def searched_shards(wildcards):
    """Return the searches of the shards that have jobs of their own, with one model."""
    folder = PATHS.searches(wildcards.track, wildcards.model, wildcards.seed)
    return [
        finished(folder / texts.folder)
        for texts in sharded(text_sets(CONFIG, wildcards.track))
    ]


def all_parts(wildcards):
    """Return the scores of every model and seed of the run, and of BM25."""
    parts = [
        finished(PATHS.scores(model.track, model.name, seed))
        for model in MODELS
        for seed in CONFIG.seeds
    ]
    return parts + ([finished(PATHS.bm25())] if CONFIG.bm25_datasets else [])


def collected_adaptive(wildcards):
    """Return what adaptive retrieval found, if the run tries it."""
    return str(PATHS.all_adaptive) if CONFIG.tries_adaptive else []


def dataset_params(wildcards):
    """Return what a dataset depends on."""
    contents = dataset_slice(CONFIG, PATHS, wildcards.dataset)
    stamp = dataset_stamp(CONFIG, PATHS, wildcards.dataset)
    return {"version": versions.DATA, **contents, **stamped(stamp)}


def checkpoint_params(wildcards):
    """Return what a fetched checkpoint depends on."""
    contents = checkpoint_slice(CONFIG, PATHS, wildcards.backbone)
    return {
        **contents,
        **stamped(checkpoint_stamp(CONFIG, PATHS, wildcards.backbone)),
    }


def stamped(stamp):
    """Return what stands for the contents of local files, if there are any."""
    return {"files": stamp} if stamp else {}


def backbone_params(wildcards):
    """Return what a backbone's training depends on."""
    part = pretraining_slice(CONFIG, wildcards.backbone, int(wildcards.seed))
    return {"version": versions.PRETRAIN, **part}


def model_params(wildcards):
    """Return what a model's training depends on."""
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    part = finetuning_slice(CONFIG, model, int(wildcards.seed))
    return {"version": versions.FINETUNE, **part}


def embedding_params(wildcards):
    """Return what a model's embeddings depend on, and of what there are to be some."""
    sets = text_sets(CONFIG, wildcards.track)
    texts = [texts.folder for texts in sets if texts not in sharded(sets)]
    return {**model_embedding_params(wildcards), "texts": texts}


def model_embedding_params(wildcards):
    """Return what a model's embeddings depend on."""
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    return {"version": versions.EMBED, **embedding_slice(CONFIG, model)}


def shard_params(wildcards):
    """Return what a model's embeddings of a shard depend on: of equal ones, how many there are."""
    source = CONFIG.datasets[wildcards.dataset]
    cut = source.shard_rows or f"1/{source.shards}"
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    part = text_set_slice(CONFIG, model, wildcards.dataset, "passages")
    return {"version": versions.EMBED, **part, "shard": cut}


def search_params(wildcards):
    """Return what the search of a shard depends on."""
    model = model_named(CONFIG, "retrieval", wildcards.model)
    parts = {
        task: searching_slice(CONFIG, model, task)
        for task in searched_in(CONFIG, wildcards.dataset)
    }
    return {"version": versions.EVALUATE, **parts}


def score_params(wildcards):
    """Return what a model's scores depend on."""
    model = model_named(CONFIG, wildcards.track, wildcards.model)
    scored = CONFIG.tracks[wildcards.track].scored
    parts = {name: scoring_slice(CONFIG, model, name) for name in scored}
    return {"version": versions.EVALUATE, **parts}


def floor_params(wildcards):
    """Return what the scores of BM25 depend on."""
    parts = {name: floor_slice(CONFIG, name) for name in CONFIG.bm25_datasets}
    return {"version": versions.EVALUATE, **parts}


def comparison_params(wildcards):
    """Return what the tests of significance depend on."""
    return {"version": versions.COMPARE, **comparison_slice(CONFIG)}


def report_params(wildcards):
    """Return what the tables and figures depend on besides the scores."""
    return {"version": versions.REPORT, **params_in_snakemake(report_slice(CONFIG))}
