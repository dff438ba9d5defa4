"""When every job runs on a number of GPUs or cores: the longest way to the end goes first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from starbench.planning.jobs import PlannedJob


def schedule(jobs: Sequence[PlannedJob], units: int) -> dict[str, tuple[float, float]]:
    """Return when each job starts and ends, in seconds.

    A job starts as soon as what it needs is done and its GPUs or cores are free; of several the
    one with the longest way to the end comes first.

    Args:
        jobs: each after those that it needs.
        units: GPUs or cores; no job may hold more.
    """
    ahead = _seconds_to_the_end(jobs)
    waiting = {job.name: len(job.needs) for job in jobs}
    after: dict[str, list[PlannedJob]] = {job.name: [] for job in jobs}
    for job in jobs:
        for name in job.needs:
            after[name].append(job)
    ready = [job for job in jobs if not job.needs]
    running: list[tuple[float, str, PlannedJob]] = []
    times: dict[str, tuple[float, float]] = {}
    now, free = 0.0, units
    while ready or running:
        ready.sort(key=lambda job: -ahead[job.name])
        for job in list(ready):
            if job.cost.units <= free:
                ready.remove(job)
                free -= job.cost.units
                times[job.name] = (now, now + job.cost.seconds)
                heapq.heappush(running, (times[job.name][1], job.name, job))
        now, _, done = heapq.heappop(running)
        free += done.cost.units
        for job in after[done.name]:
            waiting[job.name] -= 1
            if not waiting[job.name]:
                ready.append(job)
    return times


def _seconds_to_the_end(jobs: Sequence[PlannedJob]) -> dict[str, float]:
    """Return how long each job and the longest chain of jobs after it take."""
    ahead = {job.name: job.cost.seconds for job in jobs}
    longest = dict.fromkeys(ahead, 0.0)
    for job in reversed(jobs):
        ahead[job.name] += longest[job.name]
        for name in job.needs:
            longest[name] = max(longest[name], ahead[job.name])
    return ahead


def busy_seconds(times: Sequence[tuple[float, float]]) -> float:
    """Return how long at least one of several spans of time lasts."""
    total, last = 0.0, 0.0
    for start, end in sorted(times):
        total += max(0.0, end - max(start, last))
        last = max(last, end)
    return total
