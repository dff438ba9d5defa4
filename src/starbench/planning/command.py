"""The command ``starbench plan``: prints the plan of a run and refuses one that does not fit."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from starbench.config.reading import load_config
from starbench.errors import InputError
from starbench.machine.files import write_text
from starbench.planning.at_hand import device_at_hand
from starbench.planning.devices import Device, device_named
from starbench.run.paths import RunPaths

BYTES = {"MB": 1e6, "GB": 1e9, "TB": 1e12, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def plan_command(options: argparse.Namespace) -> None:
    """Print the plan of a run, after measuring the device if that is wanted."""
    if options.calibrate is None and options.config is None:
        raise InputError("plan needs --config, or --calibrate")
    device, there = _device(options)
    if options.config is None:
        return
    from starbench.planning.plan import check_limits, make_plan
    from starbench.planning.table import plan_line, plan_text

    config = load_config(*options.config)
    plan = make_plan(
        config,
        RunPaths.of(config, options.results),
        device,
        _units(device, options.gpus, options.cores) or there,
        parse_records(options.records),
    )
    print(plan_line(plan) if options.short else plan_text(plan, options.markdown))
    memory = parse_bytes(options.memory) if options.memory else None
    if device.memory_gb is not None and memory is None:
        memory = device.memory_gb * 1e9
    check_limits(plan, parse_bytes(options.disk) if options.disk else None, memory)


def _device(options: argparse.Namespace) -> tuple[Device, int | None]:
    """Return the device to plan for, and how many of it there are if that is known."""
    if options.calibrate:
        return _calibrated(options.calibrate), None
    if options.device is not None:
        return device_named(options.device), None
    return device_at_hand()


def _calibrated(path: Path) -> Device:
    _check_writable(path)  # before minutes of measuring
    from starbench.planning.calibrate import calibrate

    device = calibrate()
    values = device.model_dump(exclude_defaults=True)
    write_text(path, yaml.safe_dump(values, sort_keys=False))
    print(f"{path}: {device.name}; plan with: starbench plan --device {path} --config FILE")
    return device


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"--calibrate {path}: it is a folder, name a file in it")
    if not path.parent.is_dir():
        raise InputError(f"--calibrate {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"--calibrate {path}: nothing can be written in {path.parent}")


def _units(device: Device, gpus: int | None, cores: int | None) -> int | None:
    wrong, right = ("cores", "gpus") if device.kind == "gpu" else ("gpus", "cores")
    given = {"gpus": gpus, "cores": cores}
    if given[wrong] is not None:
        raise InputError(f"--{wrong} does not go with device '{device.name}': use --{right}")
    if given[right] is not None and given[right] < 1:  # type: ignore[operator]
        raise InputError(f"--{right} {given[right]}: at least 1")
    return given[right]


def parse_bytes(text: str) -> float:
    """Return the bytes that a text like ``500GB`` or ``1.5 TB`` names."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?B)\s*", text.upper())
    if found is None or found[2] not in BYTES:
        raise InputError(f"'{text}' is not a size: write it like 500GB or 1.5TB")
    return float(found[1]) * BYTES[found[2]]


def parse_records(given: Iterable[str]) -> dict[str, tuple[int, int | None]]:
    """Return {dataset: (records, queries)} of texts like ``fineweb=1000`` or ``dev=1000/20``."""
    stated = {}
    for text in given:
        found = re.fullmatch(r"([a-z0-9-]+)=(\d+)(?:/(\d+))?", text)
        if found is None:
            raise InputError(f"--records {text}: write NAME=RECORDS or NAME=PASSAGES/QUERIES")
        if found[1] in stated:
            raise InputError(f"--records {text}: '{found[1]}' is given twice")
        if 0 in (int(number) for number in found.groups()[1:] if number):
            raise InputError(f"--records {text}: at least 1 of each")
        stated[found[1]] = (int(found[2]), int(found[3]) if found[3] else None)
    return stated
