"""`starbench` and `python -m starbench`, also where the package lies beside the workflow."""

import sys


def entry() -> None:
    """Run the command; exit with one line where only the library is installed."""
    try:
        from starbench.cli import entry as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "starbench":
            raise
        sys.exit(
            f"error: the command needs the pipeline's packages (no module {error.name}): "
            "pip install 'starbench[bench]'"
        )
    run()


if __name__ == "__main__":
    entry()
