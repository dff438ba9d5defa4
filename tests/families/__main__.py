"""Print the table of all families as Markdown: python -m tests.families"""

import logging

from transformers.utils.logging import disable_progress_bar

from tests.families import models
from tests.families.table import in_markdown

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    disable_progress_bar()
    print(in_markdown([*models.CONFIGS, *models.REFUSED]))
