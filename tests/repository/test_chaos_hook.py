"""The hook that kills processes tells jobs by their commands: those of the rules."""

import re
from pathlib import Path

import pytest

from tests.chaos.hook.sitecustomize import rule_of
from tests.chaos.jobs import RULES

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"^rule (\w+):.*?(python -P -m starbench .*?)\"\"\"", re.MULTILINE | re.DOTALL)


def commands() -> dict[str, str]:
    found = {}
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for part in re.split(r"(?=^rule )", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if match := COMMAND.match(part):
                found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("rule", RULES)
def test_the_command_of_a_rule_is_told(rule):
    words = commands()[rule].replace("\\\n", " ").split()
    assert rule_of(words) == rule
