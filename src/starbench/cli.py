"""The command ``starbench``: one subcommand per stage, with the stage's name."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starbench.arguments import folder_of_runs, parse_into
from starbench.errors import InputError, did_you_mean
from starbench.machine.endings import status_of
from starbench.machine.startup import exit_with, importing

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths

# A stage imports its libraries only once its arguments are known to be right: they take seconds.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns:
        0; 2 after one line on what the user can put right, a full or unreadable disk included;
        1 after one line on an error that nobody foresaw, whose traceback is in a file; 75
        (sysexits.h: try again) if a training was saved before its end because its job's time is
        nearly over or it was told to end; 130 after Ctrl-C; 141 if nobody reads the output.
    """
    options = argparse.Namespace()

    def work() -> None:
        parse_into(options, arguments)
        _run(options)

    return status_of(work, lambda: _written_to(options))


def _run(options: argparse.Namespace) -> None:
    if getattr(options, "threads", None):
        # Under torchrun all processes of the job share its threads.
        from starbench.machine.processes import processes

        os.environ["OMP_NUM_THREADS"] = str(max(1, options.threads // processes()))
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # The bars of libraries (loading weights, writing shards) would bury the stages' own.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if sys.stdout is not None:
        # A name that the terminal cannot show is not a reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    from starbench.machine.progress import setup_logging

    setup_logging()
    STAGES[options.stage](options)


def _written_to(options: argparse.Namespace) -> Path:
    """Return the folder of the run, the one at hand as long as no config is read."""
    folder: Path = getattr(options, "root", None) or Path()
    return folder


def _opened(options: argparse.Namespace) -> tuple[Config, RunPaths]:
    from starbench.config.reading import load_config
    from starbench.run.paths import RunPaths

    config = load_config(*options.config)
    known: list[tuple[str, Collection[Any]]] = [
        ("dataset", config.datasets),
        ("backbone", config.backbones),
        ("checkpoint", config.backbones),
        ("track", config.tracks),
        ("system", config.systems),
        ("seed", config.seeds),
    ]
    for kind, section in known:
        name = getattr(options, kind, None)
        if name is not None and name not in section:
            raise InputError(f"the config has no {kind} '{name}'{did_you_mean(name, section)}")
    if getattr(options, "model", None):
        from starbench.run.models import model_named

        model = model_named(config, options.track, options.model)  # before slow imports
        if options.seed not in model.seeds:
            raise InputError(
                f"no seed changes model '{model.name}': it is made once, with {model.seeds[0]}"
            )
    if options.stage == "pretrain":
        from starbench.config.resolved import seeds_of

        if options.seed not in (made_with := seeds_of(config, options.backbone)):
            raise InputError(
                f"no seed changes backbone '{options.backbone}': it is made once, with "
                f"{made_with[0]}"
            )
    try:
        paths = RunPaths.of(config, options.results or folder_of_runs(config.results))
    except argparse.ArgumentTypeError as problem:
        raise InputError(f"the config's results: {problem}") from None
    options.root = paths.root
    return config, paths


def _use_gpus(gpus: int = 1) -> None:
    """Take a job's GPUs, one where the machine has any; go on as a process for each of several."""
    from starbench.machine.gpus import take_gpus
    from starbench.machine.processes import share_among

    take_gpus(max(1, gpus))
    share_among(gpus)


def _data(options: argparse.Namespace) -> None:
    config, paths = _opened(options)
    if options.pin:
        from starbench.stages.data.pinning import pin_config

        if len(options.config) > 1:
            raise InputError("--pin writes into one config file: give one at a time")
        (file,) = options.config
        pinned = pin_config(config, paths, file)
        print("\n".join([*pinned, f"{file}: {len(pinned)} revisions written"]))
    elif options.leakage:
        from starbench.stages.data.leakage import write_leakage

        write_leakage(config, paths)
    elif options.dataset:
        from starbench.stages.data.fetch import fetch_dataset

        fetch_dataset(config, paths, options.dataset)
    else:
        _asked_of(config, options.checkpoint, "checkpoint")
        from starbench.stages.data.checkpoints import fetch_checkpoint

        fetch_checkpoint(config, paths, options.checkpoint)


def _asked_of(config: Config, backbone: str, section: str) -> None:
    """Raise InputError for a backbone without the section that says what is to be done."""
    if getattr(config.backbones[backbone], section) is None:
        having = [name for name in config.backbones if getattr(config.backbones[name], section)]
        raise InputError(
            f"backbone '{backbone}' has no `{section}` in the config; those that have one: "
            f"{', '.join(having) or 'none'}"
        )


def _pretrain(options: argparse.Namespace) -> None:
    opened = _opened(options)
    _asked_of(opened[0], options.backbone, "pretraining")
    _use_gpus(opened[0].compute.pretrain.gpus)
    with importing():
        from starbench.stages.pretrain.run import pretrain_backbone

    pretrain_backbone(*opened, options.backbone, options.seed)


def _finetune(options: argparse.Namespace) -> None:
    opened = _opened(options)
    _use_gpus(opened[0].compute.finetune.gpus)
    with importing():
        from starbench.stages.finetune.run import finetune_model

    finetune_model(*opened, options.track, options.model, options.seed)


def _embed(options: argparse.Namespace) -> None:
    config, paths = _opened(options)
    _check_shard(options, config)
    _use_gpus()
    from starbench.stages.embed.run import embed_shard, embed_texts

    model = (options.track, options.model, options.seed)
    if options.shard is None:
        embed_texts(config, paths, *model)
    else:
        embed_shard(config, paths, *model, options.dataset, options.shard)


def _check_shard(options: argparse.Namespace, config: Config) -> None:
    """Raise InputError unless --dataset and --shard name, together, what the track searches."""
    if (options.dataset is None) != (options.shard is None):
        raise InputError("--dataset and --shard belong together: give both or neither")
    if options.shard is None:
        return
    from starbench.run.texts import searched_collections, shard_of

    collections = searched_collections(config, options.track)
    if options.dataset not in collections:
        raise InputError(
            f"--dataset {options.dataset}: track {options.track} searches no such collection"
            f"{did_you_mean(options.dataset, collections)}; leave out --dataset and --shard for "
            "all that has no shards"
        )
    shard_of(config, options.dataset, options.shard)


def _evaluate(options: argparse.Namespace) -> None:
    config, paths = _opened(options)
    EVALUATE[options.what](options, config, paths)


def _score_model(options: argparse.Namespace, config: Config, paths: RunPaths) -> None:
    """Score a model as it is stored, with fewer bits, or with queries of other layers."""
    scored = config.tracks[options.track].scored
    if any(config.datasets[name].kind == "collection" for name in scored):
        _use_gpus()  # to search with
    from starbench.stages.evaluate.run import score_asymmetric, score_bits, score_model

    kinds = {"model": score_model, "bits": score_bits, "asymmetric": score_asymmetric}
    kinds[options.what](config, paths, options.track, options.model, options.seed)


def _search_shard(options: argparse.Namespace, config: Config, paths: RunPaths) -> None:
    _check_shard(options, config)
    _use_gpus()
    from starbench.stages.evaluate.shards import search_shard

    model = (options.track, options.model, options.seed)
    search_shard(config, paths, *model, options.dataset, options.shard)


def _score_bm25(options: argparse.Namespace, config: Config, paths: RunPaths) -> None:
    if not config.bm25_of(options.track):
        raise InputError(
            f"BM25 is scored on nothing of track {options.track}: it searches no collections, or "
            f"tracks.{options.track}.search.bm25 is null"
        )
    from starbench.stages.evaluate.bm25 import score_bm25

    score_bm25(config, paths, options.track)


def _collect(options: argparse.Namespace, config: Config, paths: RunPaths) -> None:
    from starbench.stages.evaluate.collect import collect_run

    collect_run(config, paths)


def _compare(options: argparse.Namespace, config: Config, paths: RunPaths) -> None:
    from starbench.stages.evaluate.differences import compare_systems

    compare_systems(config, paths)


EVALUATE: dict[str, Callable[[argparse.Namespace, Config, RunPaths], None]] = {
    "model": _score_model,
    "bits": _score_model,
    "asymmetric": _score_model,
    "shard": _search_shard,
    "bm25": _score_bm25,
    "collect": _collect,
    "compare": _compare,
}
"""What the commands of the stage evaluate do."""


def _measure(options: argparse.Namespace) -> None:
    config, paths = _opened(options)
    from starbench.stages.measure.command import measure_command

    measure_command(config, paths, options)


def _report(options: argparse.Namespace) -> None:
    if options.published:
        _report_published(options)
        return
    if options.config is None or options.output is not None:
        raise InputError("report needs --config, or --published with --output")
    config, paths = _opened(options)
    from starbench.stages.report.run import summary, write_report

    if options.show:
        print(summary(config, paths))
    else:
        write_report(config, paths, options.threads or os.cpu_count() or 1)


def _report_published(options: argparse.Namespace) -> None:
    if options.output is None or options.config is not None or options.show:
        raise InputError("--published needs --output, and goes with no other run's config")
    from starbench.stages.report.run import write_published

    write_published(options.output)


def _export(options: argparse.Namespace) -> None:
    config, paths = _opened(options)
    from starbench.run.exports import asked_exports, asked_size

    sizes = config.trained_sizes if options.all else [asked_size(config, options.size)]
    tracks = [options.track] if options.track else list(config.tracks)
    asked = asked_exports(config, options.system, sizes, tracks, options.seed)
    from starbench.stages.export.run import export_model

    for one in asked:
        print(export_model(config, paths, one))


def _config(options: argparse.Namespace) -> None:
    if options.config:
        from starbench.config.reading import load_config

        config = load_config(*options.config)
        shown = {
            None: f"{' + '.join(map(str, options.config))}: run '{config.run}' is valid",
            "run": config.run,
            "folder": f"{config.results}/{config.run}",
        }
        print(shown[options.show])
    elif options.show or not options.write_docs:
        needing = "--show" if options.show else "config"
        raise InputError(
            f"{needing} needs --config FILE" + ("" if options.show else ", or --write-docs FOLDER")
        )
    if options.write_docs:
        from starbench.config.docs import write_docs

        write_docs(options.write_docs)


def _plan(options: argparse.Namespace) -> None:
    from starbench.planning.command import plan_command

    plan_command(options)


def _doctor(options: argparse.Namespace) -> None:
    from starbench.doctor import doctor_command

    doctor_command(options.config or [], options.results)


def _example(options: argparse.Namespace) -> None:
    from starbench.stages.data.example import write_example

    print("\n".join(write_example(options.folder, options.checkpoint)))


def _score(options: argparse.Namespace) -> None:
    if [options.data, options.config, options.mteb].count(None) != 2:
        raise InputError("score needs --data FOLDER, --config FILE or --mteb NAME, one of these")
    from starbench.score import score_command

    status = score_command(
        options.model,
        options.sizes,
        data=options.data,
        configs=options.config or [],
        mteb=options.mteb or [],
        datasets=options.datasets or [],
        split=options.split,
        run=options.run,
        results=options.results or Path("results"),
        writes_only=options.write_only,
    )
    if status:
        sys.exit(status)


def _mteb(options: argparse.Namespace) -> None:
    from starbench.run.finished import opened_run

    opened = opened_run(options.run) if options.run else _opened(options)
    with importing():
        from starbench.stages.report.mteb_results import export_results
    print(f"{options.export}: {len(export_results(*opened, options.export))} results")


def _advise(options: argparse.Namespace) -> None:
    from starbench.advise import advise_command

    advise_command(options)


def _reproduce(options: argparse.Namespace) -> None:
    from starbench.reproduce.command import reproduce_command

    status = reproduce_command(options.units, within=options.within, results=options.results)
    if status:
        sys.exit(status)


def _unlock(options: argparse.Namespace) -> None:
    from starbench.machine.unlocking import remove_stale_lock

    remove_stale_lock(Path(), options.force)


STAGES: dict[str, Callable[[argparse.Namespace], None]] = {
    "data": _data,
    "pretrain": _pretrain,
    "finetune": _finetune,
    "embed": _embed,
    "evaluate": _evaluate,
    "measure": _measure,
    "report": _report,
    "export": _export,
    "config": _config,
    "plan": _plan,
    "doctor": _doctor,
    "example": _example,
    "score": _score,
    "mteb": _mteb,
    "advise": _advise,
    "reproduce": _reproduce,
    "unlock": _unlock,
}
"""What each subcommand does."""


def entry() -> None:
    """Run the command and exit with its status."""
    exit_with(main)
