"""Products damaged at drawn bytes: what reads one refuses it by name, or it is not read at all."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.attempts import ended_afterwards, make, start
from tests.chaos.contents import products, vouched_for
from tests.chaos.damage import flip
from tests.chaos.jobs import RUN, copy_without
from tests.chaos.moments import generator, repeat_with

NEXT = {
    "data/stories": "pretrain_backbone",
    "data/entailments": "finetune_model",
    "data/questions": "finetune_model",
    "data": "embed_texts",
    "checkpoints": "pretrain_backbone",
    "backbones": "finetune_model",
    "models": "embed_texts",
    "embeddings": "search_shard",
    "searches": "score_model",
    "scores": "collect_scores",
}
"""Folders of products and the rule from which on the rest is made again; the first that fits."""

FOLDERS = [name for name in NEXT if "/" not in name]
ROUNDS = 3
"""How often a file of each folder is damaged."""


@pytest.mark.parametrize("made", FOLDERS)
def test_a_damaged_product_is_refused_by_name_or_not_read(reference, record, tmp_path, made):
    print(f"\n{repeat_with(f'damaged_product and {made}')}")
    listed = sorted(name for name in vouched_for(reference.folder) if name.startswith(f"{made}/"))
    names = generator("products", made).sample(listed, ROUNDS)

    def check(number: int) -> str:
        draws = generator("product", made, number)
        name = names[number]
        rule = next(rule for start, rule in NEXT.items() if name.startswith(f"{start}/"))
        folder = copy_without(reference.folder, tmp_path / str(number), rule)
        done = f"{name} {flip(draws, folder / RUN / name)}"
        said = refusals(folder)
        print(f"{done}: {said or 'not read'}")
        if said:
            check_refused(said, name)
        if said and number == 0:
            mend(folder, said[0])
        if not said or number == 0:
            kept = [] if said else [name]
            expected = {key: sha for key, sha in reference.products.items() if key not in kept}
            assert products(folder, damaged=kept) == expected, done
        shutil.rmtree(folder)
        return "refused" if said else "not read"

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(check, range(ROUNDS)))
    record.lines.append(f"{ROUNDS} damaged products in {made}: {', '.join(found)}")


def refusals(folder: Path) -> list[str]:
    """Go on with a run; return the errors of its jobs, none if it ends well."""
    with ended_afterwards(start(folder, "--cores", "1")) as attempt:
        status = attempt.wait()
    text = attempt.text()
    assert "Traceback" not in text, text
    said = sorted({line for line in text.splitlines() if line.startswith("error: ")})
    assert bool(said) == (status != 0), text
    return said


def check_refused(said: list[str], name: str) -> None:
    for line in said:
        assert line.startswith(f"error: {RUN / name} has other bytes (SHA-256 "), said
        assert line.endswith(" and run again to have it made anew"), said


def mend(folder: Path, said: str) -> None:
    """Do what an error asks for, and run again."""
    named = re.search(r"remove (\S+) and run again", said)
    assert named is not None, said
    (folder / named[1]).unlink()
    make(folder, "--cores", "1")
