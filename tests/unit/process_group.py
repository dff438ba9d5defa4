"""Several processes that train one model, started by a test."""

import os

import torch.distributed as dist
import torch.multiprocessing as mp


def found_by_two(target, *arguments):
    """Run `target` in two processes, given its number, `arguments` and a queue for its results."""
    context = mp.get_context("spawn")
    results = context.Queue()
    started = [
        context.Process(target=target, args=(number, *arguments, results)) for number in range(2)
    ]
    for process in started:
        process.start()
    found = [results.get(timeout=300) for _ in started]
    for process in started:
        process.join(timeout=300)
        assert process.exitcode == 0
    return found


def join_group(number, count, folder):
    """Become process `number` of `count`; they meet in a file of the folder."""
    os.environ |= {"WORLD_SIZE": str(count), "RANK": str(number)}
    meet = f"file://{folder}/meet"
    dist.init_process_group("gloo", init_method=meet, rank=number, world_size=count)


def leave_group(results):
    """End this process once all have come here and its results are on their way.

    At once: dismantling gloo's group waits, now and then for ever, for a thread of its own that
    waits for Python's lock (seen with torch 2.13, in the destructor of DistributedDataParallel).
    """
    dist.barrier()
    results.close()
    results.join_thread()
    os._exit(0)
