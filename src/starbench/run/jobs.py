"""The jobs of a run, once: what each makes, from which files, and what it is about.

The workflow's rules ask for the inputs of a job, the planner for all jobs that the report needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from starbench.config.resolved import seeds_of
from starbench.errors import InputError
from starbench.run.costs import measured_models, measured_seed, searched_sets, timed_sets
from starbench.run.exports import possible_exports, wanted_exports
from starbench.run.leakage import compared_datasets
from starbench.run.models import Model, all_models, in_order_of_training
from starbench.run.texts import (
    TextSet,
    fetched_before,
    in_order_of_fetching,
    read_in_scoring,
    sharded,
    text_sets,
    with_corpora,
)
from starbench.sizes import Size

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths

STAGES = ("data", "pretrain", "finetune", "embed", "evaluate", "measure", "report", "export")
FINISHED = "manifest.json"
"""What a job that makes a folder writes last."""

WILDCARDS = ("dataset", "backbone", "track", "model", "seed", "shard", "size")
Wildcards = Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """One job of the workflow."""

    rule: str
    stage: str
    outputs: tuple[Path, ...]
    """Files; the first one says that the job is done."""
    inputs: tuple[Path, ...] = ()
    """Files that other jobs make."""
    wildcards: Wildcards = field(default_factory=dict, hash=False)
    """Of its rule, but for the run."""
    dataset: str = ""
    """The dataset that it is about, if it is about one."""
    backbone: str = ""
    """The backbone, likewise."""
    of_model: Model | None = None
    of_seed: int | None = None
    shard: TextSet | None = None
    """The shard that it has to itself."""
    of_size: Size | None = None
    """The size of the model that it exports."""

    @property
    def model(self) -> Model:
        """The model that it is about."""
        assert self.of_model is not None
        return self.of_model

    @property
    def seed(self) -> int:
        """The seed that it is about."""
        assert self.of_seed is not None
        return self.of_seed

    @property
    def size(self) -> Size:
        """The size that it exports."""
        assert self.of_size is not None
        return self.of_size


class JobGraph:
    """Every job that a config's datasets, backbones and models can have.

    Args:
        config: the run.
        paths: where its results go.
    """

    def __init__(self, config: Config, paths: RunPaths) -> None:
        self.config, self.paths = config, paths
        self.jobs = [
            *self._data(),
            *self._backbones(),
            *(job for model in self._models() for job in self._of_model(model)),
            *self._of_run(),
        ]

    @cached_property
    def _by_wildcards(self) -> dict[tuple[str, frozenset[tuple[str, str]]], Job]:
        return {(job.rule, frozenset(job.wildcards.items())): job for job in self.jobs}

    def job(self, rule: str, wildcards: Wildcards) -> Job:
        """Return the job of a rule and its wildcards (`run` aside); InputError if there is none."""
        given = {key: value for key, value in wildcards.items() if key != "run"}
        found = self._by_wildcards.get((rule, frozenset(given.items())))
        if found is None:
            about = ", ".join(f"{key} {value}" for key, value in given.items())
            raise InputError(f"the run has no job {rule} for {about}")
        return found

    @cached_property
    def wildcard_constraints(self) -> dict[str, str]:
        """Regular expressions that match just the values which each wildcard has in the run."""
        values: dict[str, set[str]] = {name: set() for name in WILDCARDS}
        for job in self.jobs:
            for name, value in job.wildcards.items():
                values[name].add(value)
        return {name: "|".join(sorted(found)) or "none" for name, found in values.items()}

    @cached_property
    def needed(self) -> list[Job]:
        """The jobs that the report needs, itself included, each after those that it needs."""
        maker = {output: job for job in self.jobs for output in job.outputs}
        wanted, waiting = set(), [self.jobs[-1]]
        while waiting:
            job = waiting.pop()
            if job.outputs not in wanted:
                wanted.add(job.outputs)
                # A backbone of another run is made by none of these jobs.
                waiting += (maker[file] for file in job.inputs if file in maker)
        return [job for job in self.jobs if job.outputs in wanted]

    def needed_by(self, rule: str) -> list[Job]:
        """Return the jobs of one rule that the report needs."""
        return [job for job in self.needed if job.rule == rule]

    @cached_property
    def exports(self) -> list[Job]:
        """The jobs that the config's section `export` asks for; the report needs none of them."""
        return [
            self.job(
                "export_model",
                {
                    "track": wanted.model.track,
                    "model": wanted.model.name,
                    "seed": str(wanted.seed),
                    "size": str(wanted.size),
                },
            )
            for wanted in wanted_exports(self.config)
        ]

    def _data(self) -> Iterator[Job]:
        config, paths = self.config, self.paths
        for name in in_order_of_fetching(config):
            yield Job(
                "fetch_dataset",
                "data",
                done(paths.dataset(name)),
                done(*map(paths.dataset, fetched_before(config, name))),
                {"dataset": name},
                dataset=name,
            )
        for name, backbone in config.backbones.items():
            if backbone.checkpoint is not None:
                yield Job(
                    "fetch_checkpoint",
                    "data",
                    done(paths.checkpoint(name)),
                    wildcards={"backbone": name},
                    backbone=name,
                )

    def _backbones(self) -> Iterator[Job]:
        config, paths = self.config, self.paths
        for name in _starts_first(config):
            backbone = config.backbones[name]
            if backbone.pretraining is None or backbone.run is not None:
                continue
            for seed in seeds_of(config, name):
                read = [paths.dataset(text) for text in backbone.pretraining.datasets]
                if backbone.start is not None:
                    read.append(paths.backbone_in_use(config, backbone.start, seed))
                elif backbone.checkpoint is not None:
                    read.append(paths.checkpoint(name))
                yield Job(
                    "pretrain_backbone",
                    "pretrain",
                    done(paths.backbone(name, seed)),
                    done(*read),
                    {"backbone": name, "seed": str(seed)},
                    backbone=name,
                    of_seed=seed,
                )

    def _models(self) -> list[Model]:
        return in_order_of_training(all_models(self.config))

    def _of_model(self, model: Model) -> Iterator[Job]:
        for seed in model.seeds:
            yield from ModelJobs(self.config, self.paths, model, seed).jobs()

    def _of_run(self) -> Iterator[Job]:
        """Yield the jobs that there is one of: BM25, collection, comparison, leakage, report."""
        config, paths = self.config, self.paths
        scores = [
            paths.scores(model.track, model.name, seed)
            for model in all_models(config)
            for seed in model.seeds
        ]
        scores += [
            paths.bits(model.track, model.name, seed)
            for model in all_models(config)
            for seed in model.seeds
            if config.tracks[model.track].bits is not None
        ]
        small = [
            paths.asymmetric(model.track, model.name, seed)
            for model in all_models(config)
            for seed in model.seeds
            if config.tracks[model.track].asymmetric and model.has_several_depths
        ]
        for track in config.tracks:
            if datasets := config.bm25_of(track):
                scores.append(paths.bm25(track))
                read = map(paths.dataset, with_corpora(config, datasets))
                yield Job(
                    "score_bm25",
                    "evaluate",
                    done(paths.bm25(track)),
                    done(*read),
                    {"track": track},
                )
        adaptive = [paths.all_adaptive] if config.tries_adaptive else []
        exits = [paths.all_exits] if config.tries_exits else []
        asymmetric = [paths.all_asymmetric] if config.tries_asymmetric else []
        collected = (paths.all_scores, *adaptive, *exits, *asymmetric)
        yield Job("collect_scores", "evaluate", collected, done(*scores, *small))
        yield Job("compare_systems", "evaluate", (paths.significance,), done(*scores))
        compared = map(paths.dataset, compared_datasets(config))
        yield Job("find_leakage", "data", (paths.leakage,), done(*compared))
        drawn = (*collected, paths.significance, paths.leakage)
        if costs := [_costs_of(paths, model) for model in measured_models(config)]:
            yield Job("collect_costs", "measure", (paths.all_costs,), done(*costs))
            drawn = (*drawn, paths.all_costs)
        yield Job("draw_report", "report", done(paths.root), drawn)


@dataclass(frozen=True)
class ModelJobs:
    """The jobs of one model with one seed."""

    config: Config
    paths: RunPaths
    model: Model
    seed: int

    def jobs(self) -> Iterator[Job]:
        """Yield the fine-tuning, the embedding, searches, scoring and exports."""
        config, paths = self.config, self.paths
        place = (self.model.track, self.model.name, self.seed)
        trained, embedded = paths.model(*place), paths.embeddings(*place)
        scored = read_in_scoring(config, self.model.track)
        datasets = list(map(paths.dataset, scored))
        read = [paths.backbone_in_use(config, b, self.seed) for b in self.model.backbones()]
        track, seed = self.model.track, self.seed
        read += [paths.model(track, name, seed) for name in self.model.built_on]
        read += map(paths.dataset, self.model.datasets(config))
        yield self._job("finetune_model", "finetune", trained, read)
        fitted = list(map(paths.dataset, self.model.fitted_on()))
        yield self._job("embed_texts", "embed", embedded, [trained, *datasets, *fitted])
        vectors, parts = [embedded], [embedded]
        for texts in sharded(text_sets(config, self.model.track)):
            shard, found = (f(*place) / texts.folder for f in (paths.embeddings, paths.searches))
            read = [trained, paths.dataset(texts.dataset), *fitted]
            yield self._job("embed_shard", "embed", shard, read, texts)
            yield self._job("search_shard", "evaluate", found, [embedded, shard], texts)
            vectors, parts = [*vectors, shard], [*parts, shard, found]
        yield self._job("score_model", "evaluate", paths.scores(*place), [*parts, *datasets])
        if config.tracks[self.model.track].bits is not None:
            yield self._job("score_bits", "evaluate", paths.bits(*place), [*vectors, *datasets])
        if config.tracks[self.model.track].asymmetric and self.model.has_several_depths:
            folder = paths.asymmetric(*place)
            yield self._job("score_asymmetric", "evaluate", folder, [*vectors, *datasets])
        if self.seed == measured_seed(self.model):
            yield self._measuring(trained)
        for size in possible_exports(config, self.model):
            job = self._job(
                "export_model",
                "export",
                paths.export(*place, size),
                [trained, *datasets],
                size=size,
            )
            # The card shows the scores.
            yield replace(job, inputs=(*job.inputs, paths.all_scores))

    def _measuring(self, trained: Path) -> Job:
        """Return the job that measures the model; the report needs it where the config asks."""
        config, paths, model = self.config, self.paths, self.model
        place = (model.track, model.name, self.seed)
        embedded, parts = paths.embeddings(*place), []
        if searched := searched_sets(config, model.track):
            parts = [embedded, *(embedded / texts.folder for texts in sharded(searched))]
        timed = [paths.dataset(texts.dataset) for texts in timed_sets(config, model.track)]
        return self._job("measure_model", "measure", paths.costs(*place), [trained, *timed, *parts])

    def _job(
        self,
        rule: str,
        stage: str,
        folder: Path,
        read: Iterable[Path],
        shard: TextSet | None = None,
        size: Size | None = None,
    ) -> Job:
        wildcards = {
            "track": self.model.track,
            "model": self.model.name,
            "seed": str(self.seed),
        }
        if shard is not None:
            wildcards |= {"dataset": shard.dataset, "shard": str(shard.shard)}
        if size is not None:
            wildcards |= {"size": str(size)}
        return Job(
            rule,
            stage,
            done(folder),
            done(*read),
            wildcards,
            dataset=shard.dataset if shard else "",
            of_model=self.model,
            of_seed=self.seed,
            shard=shard,
            of_size=size,
        )


def _costs_of(paths: RunPaths, model: Model) -> Path:
    return paths.costs(model.track, model.name, measured_seed(model))


def done(*folders: Path) -> tuple[Path, ...]:
    """Return the manifests that say that folders are complete, each once."""
    return tuple(folder / FINISHED for folder in dict.fromkeys(folders))


def _starts_first(config: Config) -> list[str]:
    """Return every backbone after the one that it starts from."""
    ordered: dict[str, None] = {}
    for backbone in config.backbones:
        chain = [backbone]
        while (start := config.backbones[chain[-1]].start) is not None:
            chain.append(start)
        ordered |= dict.fromkeys(reversed(chain))
    return list(ordered)
