"""What several processes that train one model share: the rows of all, with their gradients."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from starbench.machine.processes import processes


def gathered(rows: Tensor) -> Tensor:
    """Return the rows of all processes in the order of their ranks; shapes must be equal.

    The gradient of every process's loss flows back to the process that made the row. The mean
    that DistributedDataParallel takes over the processes then is the gradient of the mean loss.
    """
    if processes() == 1:
        return rows
    if rows.requires_grad:
        from torch.distributed.nn.functional import all_gather

        return torch.cat(all_gather(rows))
    parts = [torch.empty_like(rows) for _ in range(processes())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)
