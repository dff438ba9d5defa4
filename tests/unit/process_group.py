"""A process among several that train one model, started by a test."""

import os

import torch.distributed as dist


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
