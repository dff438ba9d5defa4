"""The layouts of files on the page of keys are those that the source reads."""

import json
import re

import yaml
from pydantic import TypeAdapter

from starbench.config.docs import LAYOUTS
from starbench.config.names import AnySource

BLOCKS = re.findall(r"```\n(.*?)```", LAYOUTS, re.DOTALL)


def records():
    """Yield (file, record) of every line of JSON on the page."""
    text = "\n".join(BLOCKS)
    for file, shown in re.findall(
        r"^(\S+\.jsonl)\s+(\{.*?\})\s*(?:\w[\w: -]*)?$", text, re.M | re.S
    ):
        yield file, json.loads(" ".join(shown.split()))


def test_the_examples_are_read(tmp_path):
    shown = dict(records())
    assert len(shown) == 8
    for file, record in shown.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(json.dumps(record) + "\n")
    qrels = tmp_path / "scifact" / "qrels"
    qrels.mkdir()
    for split in ("train", "test"):
        (qrels / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    (config,) = re.findall(r"```yaml\n(.*?)```", LAYOUTS, re.DOTALL)
    sections = yaml.safe_load(config)["datasets"]
    sections |= {
        "text": {"kind": "text", "source": "folder", "name": "text/wiki"},
        "nli": {"kind": "triplets", "source": "folder", "name": "nli", "split": "train"},
        "sts": {"kind": "pairs", "source": "folder", "name": "sts/STS12"},
        "banking77": {"kind": "labelled", "source": "folder", "name": "banking77"},
        "msmarco": {
            "kind": "training-queries", "source": "folder", "name": "msmarco", "split": "train",
        },
    }  # fmt: skip
    for name, section in sections.items():
        source = TypeAdapter(AnySource).validate_python(section)
        if name == "questions":  # mined from what "scifact" is
            continue
        if name == "scifact":
            found = list(source.collection(tmp_path).passages)
        else:
            found = list(source.records(tmp_path))
        assert len(found) == 1, name
