"""The jobs of a run, as the workflow will make them: what each needs and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from starbench.config.config import Config
from starbench.planning import scoring
from starbench.planning.costs import Cost, Costs
from starbench.run.jobs import (
    backbone_name,
    data_names,
    used_backbones,
    used_datasets,
)
from starbench.run.leakage import compared_datasets
from starbench.run.models import Model, all_models
from starbench.stages.report.products import figure_names, table_names


@dataclass(frozen=True)
class Job:
    """One job of Snakemake."""

    name: str
    rule: str
    stage: str
    needs: tuple[str, ...]
    """Names of the jobs that must be done before."""
    cost: Cost


def jobs_of(config: Config, costs: Costs) -> list[Job]:
    """Return every job that the report of a run needs, each after those that it needs."""
    made = [*_data(config, costs), *_backbones(config, costs)]
    for model in all_models(config):
        for seed in config.seeds:
            made += _model_jobs(config, costs, model, seed)
    if config.bm25_datasets:
        needs = data_names(config, config.bm25_datasets)
        made.append(Job("scores/bm25", "score_bm25", "evaluate", needs, scoring.bm25(costs)))
    parts = tuple(job.name for job in made if job.rule in ("score_model", "score_bm25"))
    drawn = len(figure_names(config)) + len(table_names(config))
    compared = compared_datasets(config)
    data = tuple(f"data/{name}" for name in compared)
    tables = ("scores.csv", "significance.csv", "leakage.csv")
    return [
        *made,
        Job(tables[0], "collect_scores", "evaluate", parts, scoring.collect(costs)),
        Job(tables[1], "compare_systems", "evaluate", parts, scoring.compare(costs)),
        Job(tables[2], "find_leakage", "data", data, scoring.leakage(costs, compared)),
        Job("report", "draw_report", "report", tables, scoring.report(costs, drawn)),
    ]


def _data(config: Config, costs: Costs) -> Iterator[Job]:
    for name in used_datasets(config):
        corpus = config.datasets[name].corpus
        needs = (f"data/{corpus}",) if corpus else ()
        yield Job(f"data/{name}", "fetch_dataset", "data", needs, costs.dataset(name))
    for name in used_backbones(config):
        if config.backbones[name].checkpoint is not None:
            cost = costs.checkpoint(name)
            yield Job(f"checkpoints/{name}", "fetch_checkpoint", "data", (), cost)


def _backbones(config: Config, costs: Costs) -> Iterator[Job]:
    for backbone in used_backbones(config):
        section = config.backbones[backbone]
        if section.pretraining is None:
            continue
        for seed in config.seeds:
            needs = data_names(config, section.pretraining.datasets)
            if section.start is not None:
                needs += (backbone_name(config, section.start, seed),)
            elif section.checkpoint is not None:
                needs += (f"checkpoints/{backbone}",)
            name = backbone_name(config, backbone, seed)
            yield Job(name, "pretrain_backbone", "pretrain", needs, costs.pretrain(backbone))


def _model_jobs(config: Config, costs: Costs, model: Model, seed: int) -> Iterator[Job]:
    """Yield the fine-tuning, the embeddings and the scores of one model."""
    path = f"{model.track}/{model.name}/seed-{seed}"
    needs: tuple[str, ...] = (backbone_name(config, model.backbone, seed),)
    needs += tuple(f"data/{name}" for name in model.datasets(config))
    trained = f"models/{path}"
    yield Job(trained, "finetune_model", "finetune", needs, costs.finetune(model))
    scored = data_names(config, config.tracks[model.track].scored)  # type: ignore[index]
    embedded, searched = [f"embeddings/{path}"], []
    cost = costs.embed(model, costs.own_texts(model.track))
    yield Job(embedded[0], "embed_texts", "embed", (trained, *scored), cost)
    for texts in costs.shards(model.track):
        embedded.append(f"embeddings/{path}/{texts.folder}")
        needs = (trained, f"data/{texts.dataset}")
        yield Job(embedded[-1], "embed_shard", "embed", needs, costs.embed(model, [texts]))
        needs = (embedded[0], embedded[-1])
        searched.append(f"searches/{path}/{texts.folder}")
        cost = scoring.search(costs, model, texts)
        yield Job(searched[-1], "search_shard", "evaluate", needs, cost)
    yield Job(
        f"scores/{path}",
        "score_model",
        "evaluate",
        (*embedded, *searched, *scored),
        scoring.score(costs, model),
    )
