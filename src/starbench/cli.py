"""The command ``starbench``: one subcommand a stage, with the stage's name."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starbench.errors import InputError, NotFiniteError, TimeIsUp, did_you_mean
from starbench.machine.startup import exit_with, importing
from starbench.planning.arguments import add_plan_arguments

if TYPE_CHECKING:
    from starbench.config.config import Config
    from starbench.run.paths import RunPaths

EXAMPLE_CHECKPOINT = "sentence-transformers/all-MiniLM-L6-v2"

# A stage imports its libraries only once its arguments are known to be right: they take seconds.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns:
        0; 2 after one line on what the user can put right, a full or unreadable disk included;
        75 (sysexits.h: try again) if a training was saved before its end because its job's time
        is nearly over or it was told to end; 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    if getattr(options, "threads", None):
        # Under torchrun all processes of the job share its threads.
        threads = max(1, options.threads // int(os.environ.get("WORLD_SIZE", "1")))
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # The bars of libraries (loading weights, writing shards) would bury the stages' own.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from starbench.machine.progress import setup_logging

    setup_logging()
    try:
        options.run(options)
    except (InputError, NotFiniteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        from starbench.machine.disk import os_error_line

        print(f"error: {os_error_line(error, _written_to(options))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except TimeIsUp as saved:
        print(saved, file=sys.stderr)
        return os.EX_TEMPFAIL
    return 0


def _written_to(options: argparse.Namespace) -> Path:
    return Path(getattr(options, "results", None) or ".")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="starbench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="STAGE")

    data = _stage(commands, "data", _data, "fetch and normalise a dataset or a checkpoint")
    what = data.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", help="dataset of the config")
    what.add_argument("--checkpoint", help="backbone of the config whose checkpoint to fetch")
    what.add_argument(
        "--pin",
        action="store_true",
        help="write the commits of all hub repositories into the config file instead of branches",
    )
    what.add_argument(
        "--leakage", action="store_true", help="count what is scored and occurs in training data"
    )

    pretrain = _stage(commands, "pretrain", _pretrain, "pre-train a backbone")
    pretrain.add_argument("--backbone", required=True, help="backbone of the config")
    _seed(pretrain)

    finetune = _stage(commands, "finetune", _finetune, "fine-tune a model")
    _model(finetune)

    embed = _stage(commands, "embed", _embed, "embed what a model is scored on, all layers at once")
    _model(embed)
    embed.add_argument("--dataset", help="collection of the config of which to embed one shard")
    embed.add_argument("--shard", type=int, help="its number, from 1 (all that has no shards)")

    _evaluate_parser(commands)
    _report_parser(commands)
    plan = commands.add_parser("plan", help="jobs, hours, memory and disk of a run, before it runs")
    _config_files(plan)
    _results(plan)
    add_plan_arguments(plan)
    plan.set_defaults(run=_plan)
    _tools(commands)
    return parser


def _evaluate_parser(commands: Any) -> None:
    evaluate = _stage(commands, "evaluate", _evaluate, "score a model at every size")
    _model(evaluate, required=False)
    evaluate.add_argument("--dataset", help="collection of the config of which to search one shard")
    evaluate.add_argument("--shard", type=int, help="its number, from 1 (score, from all shards)")
    evaluate.add_argument(
        "--bm25", action="store_true", help="score BM25 on the collections of the run instead"
    )
    evaluate.add_argument(
        "--collect", action="store_true", help="put all scores of the run into scores.csv"
    )
    evaluate.add_argument(
        "--compare", action="store_true", help="test which systems differ, into significance.csv"
    )


def _tools(commands: Any) -> None:
    config = commands.add_parser("config", help="check a config, or write the docs of its keys")
    _config_files(config, "config file to check, or several as Snakemake takes them")
    config.add_argument(
        "--write-docs", type=Path, metavar="FOLDER", help="write schema.json and README.md there"
    )
    config.add_argument(
        "--show", choices=("run", "folder"), help="print the run's name or folder, nothing else"
    )
    config.set_defaults(run=_config)
    doctor = commands.add_parser(
        "doctor", help="check versions, devices, data, network and disk before a run"
    )
    _config_files(doctor)
    _results(doctor)
    doctor.set_defaults(run=_doctor)
    example = commands.add_parser(
        "example", help="write example data in the layouts of `folder` datasets, and a config"
    )
    example.add_argument("folder", type=Path, help="folder to make")
    example.add_argument(
        "--checkpoint",
        default=EXAMPLE_CHECKPOINT,
        help=f"pre-trained encoder that the config names ({EXAMPLE_CHECKPOINT})",
    )
    example.set_defaults(run=_example)
    unlock = commands.add_parser(
        "unlock", help="remove the lock of a killed Snakemake, if none works in this folder"
    )
    unlock.add_argument(
        "--force",
        action="store_true",
        help="also one of another machine or container, where nobody can tell whether it works",
    )
    unlock.set_defaults(run=_unlock)


def _report_parser(commands: Any) -> None:
    report = _stage(
        commands, "report", _report, "draw tables and figures from scores.csv", needs_config=False
    )
    report.add_argument("--show", action="store_true", help="print the averages, draw nothing")
    report.add_argument(
        "--published", action="store_true", help="report the paper's own numbers, without any run"
    )
    report.add_argument("--output", type=Path, help="folder for what --published gives")


def _config_files(
    parser: argparse.ArgumentParser,
    text: str = "config file of the run, or several as Snakemake takes them",
) -> None:
    names = ("--config", "--configfile", "--configfiles")
    parser.add_argument(*names, dest="config", type=Path, nargs="+", metavar="FILE", help=text)


def _results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=Path, help="folder of all runs (the config's `results`)")


def _stage(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], None],
    text: str,
    needs_config: bool = True,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--config", type=Path, required=needs_config, help="config file of the run")
    _results(parser)
    parser.add_argument("--threads", type=int, help="processor threads to use (all)")
    parser.set_defaults(run=run)
    return parser


def _seed(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("--seed", type=int, required=required, help="one of the config's seeds")


def _model(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("--track", required=required, help="track of the config")
    parser.add_argument("--model", required=required, help="system, or system-size")
    _seed(parser, required)


def _opened(options: argparse.Namespace) -> tuple[Config, RunPaths]:
    from starbench.config.reading import load_config
    from starbench.run.paths import RunPaths

    config = load_config(options.config)
    known: list[tuple[str, Collection[Any]]] = [
        ("dataset", config.datasets),
        ("backbone", config.backbones),
        ("checkpoint", config.backbones),
        ("track", config.tracks),
        ("seed", config.seeds),
    ]
    for kind, section in known:
        name = getattr(options, kind, None)
        if name is not None and name not in section:
            raise InputError(f"the config has no {kind} '{name}'{did_you_mean(name, section)}")
    if getattr(options, "model", None) and options.track:
        from starbench.run.models import model_named

        model_named(config, options.track, options.model)  # before anything slow is imported
    options.results = options.results or Path(config.results)
    return config, RunPaths.of(config, options.results)


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

        pinned = pin_config(config, paths, options.config)
        print("\n".join([*pinned, f"{options.config}: {len(pinned)} revisions written"]))
    elif options.leakage:
        from starbench.stages.data.leakage import write_leakage

        write_leakage(config, paths)
    elif options.dataset:
        from starbench.stages.data.fetch import fetch_dataset

        fetch_dataset(config, paths, options.dataset)
    else:
        from starbench.stages.data.checkpoints import fetch_checkpoint

        fetch_checkpoint(config, paths, options.checkpoint)


def _pretrain(options: argparse.Namespace) -> None:
    opened = _opened(options)
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
    opened = _opened(options)
    _together(options)
    _use_gpus()
    from starbench.stages.embed.run import embed_shard, embed_texts

    model = (options.track, options.model, options.seed)
    if options.shard is None:
        embed_texts(*opened, *model)
    else:
        embed_shard(*opened, *model, options.dataset, options.shard)


def _together(options: argparse.Namespace) -> None:
    if (options.dataset is None) != (options.shard is None):
        raise InputError("--dataset and --shard belong together")


def _evaluate(options: argparse.Namespace) -> None:
    opened = _opened(options)
    if options.collect:
        from starbench.stages.evaluate.collect import collect_run

        collect_run(*opened)
        return
    if options.compare:
        from starbench.stages.evaluate.differences import compare_systems

        compare_systems(*opened)
        return
    if options.bm25:
        from starbench.stages.evaluate.bm25 import score_bm25

        score_bm25(*opened)
        return
    model = (options.track, options.model, options.seed)
    if None in model:
        raise InputError(
            "evaluate needs --track, --model and --seed, or --bm25, --collect or --compare"
        )
    _together(options)
    config = opened[0]
    if any(config.datasets[name].kind == "collection" for name in config.tracks[model[0]].scored):
        _use_gpus()  # to search with
    if options.shard is not None:
        from starbench.stages.evaluate.shards import search_shard

        search_shard(*opened, options.model, options.seed, options.dataset, options.shard)
        return
    from starbench.stages.evaluate.run import score_model

    score_model(*opened, *model)


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
    elif options.show:
        raise InputError("--show needs --config")
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


def _unlock(options: argparse.Namespace) -> None:
    from starbench.machine.unlocking import remove_stale_lock

    remove_stale_lock(Path(), options.force)


def entry() -> None:
    """Run the command and exit with its status."""
    exit_with(main)
