"""`python -m starbench`: the command, also where the package lies beside the workflow."""

from starbench.cli import entry

entry()
