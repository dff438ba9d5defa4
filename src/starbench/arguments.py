"""What the command line takes: one subcommand per stage, and one line for each mistake in it."""

from __future__ import annotations

import argparse
import importlib.metadata
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from starbench.errors import did_you_mean, shown
from starbench.machine.disk import existing
from starbench.planning.arguments import add_plan_arguments
from starbench.store.manifest import git_commit


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line with the nearest valid name; status 2."""

    def error(self, message: str) -> NoReturn:
        """Print the error, where the usage is told, and exit."""
        self.exit(2, f"error: {self.prog}: {shown(message)}; see {self.prog} --help\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            hint = did_you_mean(value, action.choices)
            raise argparse.ArgumentError(action, f"'{value}' is not valid{hint}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as usual; what is left over is the error of the parser that does not know it."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            options = [name for name in self._option_string_actions if name.startswith("--")]
            hint = did_you_mean(rest[0].partition("=")[0], options) if rest[0][:1] == "-" else ""
            self.error(f"unknown argument '{rest[0]}'{hint}")
        return found, rest


class _Version(argparse.Action):
    """Prints the installed version, looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"starbench {version()}")
        parser.exit()


def version() -> str:
    """Return the version of the package, and the commit where it is a checkout."""
    try:
        number = importlib.metadata.version("starbench")
    except importlib.metadata.PackageNotFoundError:
        number = "not installed"
    commit = git_commit()
    return f"{number} ({commit})" if commit else number


def parse_into(options: argparse.Namespace, arguments: Sequence[str] | None) -> None:
    """Add the arguments of a command, its name as `stage`; exit with one line for a mistake."""
    _parser().parse_args(arguments, options)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="starbench", description="The command starbench: one subcommand per stage."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(required=True, metavar="STAGE", dest="stage")

    data = _stage(commands, "data", "fetch and normalise a dataset or a checkpoint")
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

    pretrain = _stage(commands, "pretrain", "pre-train a backbone")
    pretrain.add_argument("--backbone", required=True, help="backbone of the config")
    _seed(pretrain)

    finetune = _stage(commands, "finetune", "fine-tune a model")
    _model(finetune)

    embed = _stage(commands, "embed", "embed what a model is scored on, all layers at once")
    _model(embed)
    embed.add_argument("--dataset", help="collection of the config of which to embed one shard")
    embed.add_argument("--shard", type=int, help="its number, from 1 (all that has no shards)")

    _evaluate_parser(commands)
    _measure_parser(commands)
    _report_parser(commands)
    _export_parser(commands)
    plan = commands.add_parser("plan", help="jobs, hours, memory and disk of a run, before it runs")
    _config_files(plan)
    _results(plan)
    add_plan_arguments(plan)
    _advise_parser(commands)
    _tools(commands)
    return parser


def _evaluate_parser(commands: Any) -> None:
    text = "score models and BM25, collect the scores and compare them"
    evaluate = commands.add_parser("evaluate", help=text, description=text)
    what = evaluate.add_subparsers(required=True, metavar="WHAT", dest="what")
    _model(_stage(what, "model", "score a model at every size, on all that its track scores"))
    _model(_stage(what, "bits", "score a model's embeddings with fewer bits a number"))
    text = "score queries of other layers than the passages"
    _model(_stage(what, "asymmetric", text))
    shard = _stage(what, "shard", "search one shard of a collection with a model, at every size")
    _model(shard)
    shard.add_argument("--dataset", required=True, help="collection of the config")
    shard.add_argument("--shard", type=int, required=True, help="its number, from 1")
    _track(_stage(what, "bm25", "score BM25 on the collections of a track"))
    _stage(what, "collect", "put all scores of the run into scores.csv")
    _stage(what, "compare", "test which systems and sizes differ, into significance.csv")


def _measure_parser(commands: Any) -> None:
    text = "measure what every size costs on this machine: time, parameters, bytes"
    measure = commands.add_parser("measure", help=text, description=text)
    what = measure.add_subparsers(required=True, metavar="WHAT", dest="what")
    _model(_stage(what, "model", "measure every size of a model", threads=False))
    _stage(what, "collect", "put the costs of all measured models into costs.csv", threads=False)


def _export_parser(commands: Any) -> None:
    text = "export sizes of a system as small models of their own"
    export = _stage(commands, "export", text)
    export.add_argument("--system", required=True, help="system of the config")
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument("--size", help="name of a size, or `2/32` or `n2-d32`")
    what.add_argument("--all", action="store_true", help="every trained size")
    export.add_argument("--track", help="track of the config (all)")
    export.add_argument("--seed", type=int, help="one of the config's seeds (the first)")


def _tools(commands: Any) -> None:
    config = commands.add_parser("config", help="check a config, or write the docs of its keys")
    _config_files(config, "config file to check, or several as Snakemake takes them")
    config.add_argument(
        "--write-docs", type=Path, metavar="FOLDER", help="write schema.json and README.md there"
    )
    config.add_argument(
        "--show", choices=("run", "folder"), help="print the run's name or folder, nothing else"
    )
    doctor = commands.add_parser(
        "doctor", help="check versions, devices, data, network and disk before a run"
    )
    _config_files(doctor)
    _results(doctor)
    example = commands.add_parser(
        "example", help="write example data in the layouts of `folder` datasets, and a config"
    )
    example.add_argument("folder", type=Path, help="folder to make")
    example.add_argument("--checkpoint", help="encoder that the config names (all-MiniLM-L6-v2)")
    _score_parser(commands)
    _mteb_parser(commands)
    _reproduce_parser(commands)
    unlock = commands.add_parser(
        "unlock", help="remove the lock of a killed Snakemake, if none works in this folder"
    )
    unlock.add_argument(
        "--force",
        action="store_true",
        help="also one of another machine or container, where nobody can tell whether it works",
    )


def _score_parser(commands: Any) -> None:
    text = "score a model as it is, at every size: from a model to its heatmap"
    score = commands.add_parser("score", help=text, description=text)
    score.add_argument(
        "model", help="hub repository, folder, or package:<distribution> of a Python package"
    )
    score.add_argument("--sizes", required=True, help="layers/dimensions, e.g. 1/16,2/32,6/384")
    score.add_argument("--data", type=Path, metavar="FOLDER", help="folder of the datasets")
    _config_files(score, "config whose datasets to take instead of a folder's")
    score.add_argument(
        "--mteb", nargs="+", metavar="NAME", help="tasks and benchmarks of MTEB to take instead"
    )
    score.add_argument("--datasets", nargs="+", metavar="NAME", help="which of them (all)")
    score.add_argument("--split", default="test", help="split of the folder's datasets (test)")
    score.add_argument("--run", help="name of the run (score-<model>)")
    _results(score)
    score.add_argument("--write-only", action="store_true", help="write the config, run nothing")


def _mteb_parser(commands: Any) -> None:
    text = "write the scores of a run as MTEB's own result files, every size a model"
    mteb = commands.add_parser("mteb", help=text, description=text)
    mteb.add_argument(
        "--export", type=Path, required=True, metavar="FOLDER", help="cache of results of MTEB"
    )
    run = mteb.add_mutually_exclusive_group(required=True)
    run.add_argument("--run", type=Path, metavar="FOLDER", help="folder of a run, results/<run>")
    _config_files(run, "config file of the run, or several, instead of its folder")
    mteb.add_argument("--results", type=folder_of_runs, help="with --config: folder of all runs")


def _advise_parser(commands: Any) -> None:
    text = "which size of a finished run to serve within limits, and what is not known of it"
    advise = commands.add_parser("advise", help=text, description=text)
    advise.add_argument("--run", help="folder of the run, or its name below the folder of all runs")
    _config_files(advise, "config of the run, instead of --run")
    _results(advise)
    advise.add_argument("--latency-ms", type=_positive, help="longest latency of encoding a query")
    advise.add_argument("--index-gb", type=_positive, help="largest index, in 10^9 bytes")
    advise.add_argument("--passages", type=_positive, help="vectors of the index, e.g. 8.8e6")
    advise.add_argument("--loss", type=_share, help="what may be lost of the best score, e.g. 2%%")
    advise.add_argument("--on", metavar="GROUP", help="datasets whose average counts (retrieval)")
    advise.add_argument("--runtime", help="as measured: torch, onnx, onnx-int8 (the fastest exact)")
    advise.add_argument("--device", help="what will serve it, to be told if that was not measured")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return number


def _share(text: str) -> float:
    """Return what ``2%`` or ``0.02`` stands for."""
    number = text.removesuffix("%")
    try:
        value = float(number) / (100 if number != text else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share below all, as 2% or 0.02")
    return value


def _reproduce_parser(commands: Any) -> None:
    text = "make numbers of the README, the docs and results/reference again, and compare them"
    reproduce = commands.add_parser("reproduce", help=text, description=text)
    reproduce.add_argument(
        "units", nargs="*", metavar="UNIT", help="what to run; without one, they are listed"
    )
    reproduce.add_argument(
        "--within", metavar="TIME", help="run those that fit a time together, e.g. 30m or 2h"
    )
    reproduce.add_argument(
        "--results",
        type=folder_of_runs,
        help="folder of all runs; in it, what they make goes to reproduce/ (results)",
    )


def _report_parser(commands: Any) -> None:
    report = _stage(
        commands, "report", "draw tables and figures from scores.csv", needs_config=False
    )
    report.add_argument("--show", action="store_true", help="print the averages, draw nothing")
    report.add_argument(
        "--published", action="store_true", help="report the paper's own numbers, without any run"
    )
    report.add_argument("--output", type=Path, help="folder for what --published gives")


def _config_files(
    parser: argparse._ActionsContainer,
    text: str = "config file of the run, or several as Snakemake takes them",
    required: bool = False,
) -> None:
    names = ("--config", "--configfile", "--configfiles")
    parser.add_argument(
        *names, dest="config", type=Path, nargs="+", metavar="FILE", required=required, help=text
    )


def _results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=folder_of_runs, help="folder of all runs (the config's `results`)"
    )


def _stage(
    commands: Any, name: str, text: str, needs_config: bool = True, threads: bool = True
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    _config_files(parser, required=needs_config)
    _results(parser)
    if threads:
        parser.add_argument("--threads", type=_threads, help="processor threads to use (all)")
    return parser


def folder_of_runs(text: str) -> Path:
    """Return a folder that is there or can be made; argparse.ArgumentTypeError for what is none."""
    path = Path(text)
    try:
        found = existing(path)
        if path.is_symlink() and not path.exists():
            raise argparse.ArgumentTypeError(f"'{text}' is a link that leads to nothing")
        if not found.is_dir():
            what = "" if found == path.absolute() else f" is below '{found.name}', which"
            raise argparse.ArgumentTypeError(f"'{text}'{what} is not a folder")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"'{text[:80]}': {error.strerror}") from None
    return path


def _threads(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a number of threads, which is at least 1"
        )
    return int(text)


def _track(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--track", required=True, help="track of the config")


def _seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, required=True, help="one of the config's seeds")


def _model(parser: argparse.ArgumentParser) -> None:
    _track(parser)
    parser.add_argument("--model", required=True, help="system, or system-size")
    _seed(parser)
