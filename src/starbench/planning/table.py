"""A plan as a table: for the terminal, or as Markdown."""

from __future__ import annotations

from starbench.planning.plan import Plan, Row, in_bytes, in_time

ORIGINS = {
    "known": "are not here yet, their sizes are the public ones",
    "stated": "have the size that --records states",
    "assumed": "are of a plugin: as many records as their `rows`, else 10,000, are assumed",
}
NAMED = 5
"""Datasets that are named one by one."""


def plan_text(plan: Plan, markdown: bool = False) -> str:
    """Return the plan with a line on the device and what its sizes are from."""
    header, rows = _cells(plan)
    table = _markdown(header, rows) if markdown else _aligned(header, rows)
    return f"{_heading(plan)}\n\n{table}\n\n{_notes(plan)}"


def plan_line(plan: Plan) -> str:
    """Return the plan in one line: jobs, wall time, disk."""
    total = plan.total
    what = "GPU" if plan.device.kind == "gpu" else "core"
    what += "" if plan.units == 1 else "s"
    return (
        f"Run {plan.run}: {total.jobs} jobs, about {in_time(total.wall_seconds)} on {plan.units} "
        f"{what} (planned as {plan.device.name}), {in_bytes(plan.disk)} of disk."
    )


def _heading(plan: Plan) -> str:
    return f"Run {plan.run} on {plan.units} x {plan.device.name}."


def _cells(plan: Plan) -> tuple[list[str], list[list[str]]]:
    gpu = plan.device.kind == "gpu"
    hours = "GPU-hours" if gpu else "core-hours"
    header = ["stage", "jobs", hours, "wall time", *(["GPU memory"] if gpu else []), "disk"]
    return header, [_row(row, gpu) for row in (*plan.rows, plan.total)]


def _row(row: Row, gpu: bool) -> list[str]:
    hours, disk = row.device_seconds / 3600, row.stored + row.passing
    return [
        row.stage,
        str(row.jobs),
        f"{hours:.0f}" if hours >= 9.95 or hours == 0 else f"{hours:.2g}",
        in_time(row.wall_seconds),
        *([in_bytes(row.memory) if row.memory else "-"] if gpu else []),
        in_bytes(disk) if disk else "-",
    ]


def _notes(plan: Plan) -> str:
    lines = [f"Rates: {plan.device.source}."]
    for origin, means in ORIGINS.items():
        names = [name for name, given in plan.origins.items() if given == origin]
        if names:
            listed = f": {', '.join(names)}" if len(names) <= NAMED else ""
            lines.append(f"{len(names)} datasets {means}{listed}.")
    for backbone, like in plan.assumed.items():
        lines.append(f"The checkpoint of '{backbone}' is not here yet: planned as {like} is.")
    if plan.device.kind == "gpu" and plan.asked > plan.units:
        lines.append(
            f"A job of the config asks for {plan.asked} GPUs: set its stage's compute.gpus to "
            f"{plan.units} before it runs on so many."
        )
    if plan.total.passing:
        passing = in_bytes(plan.total.passing)
        lines.append(f"Disk without caches of downloads; {passing} of it while trainings run.")
    return "\n".join(lines)


def _aligned(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in [header, *rows]:
        first, *rest = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in [header, *rows]]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(header) - 1), *lines[1:]])
