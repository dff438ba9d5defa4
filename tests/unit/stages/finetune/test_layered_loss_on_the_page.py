"""The script of docs/objectives.md, with a smaller model and its sizes."""

import re
from pathlib import Path

import pytest
import torch

PAGE = Path(__file__).parents[4] / "docs" / "objectives.md"
SIZES = "Size(2, 32), Size(4, 64), Size(12, 768)"


def test_the_script_on_the_page_trains_its_objective(tiny_checkpoint, tmp_path, monkeypatch):
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for shown, real in (
        ("google-bert/bert-base-uncased", str(tiny_checkpoint)),
        (SIZES, "Size(1, 4), Size(2, 8), Size(4, 16)"),
    ):
        assert shown in code
        code = code.replace(shown, real)
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(compile(code, str(PAGE), "exec"), found)
    assert found["trainer"].state.global_step == 3
    assert found["trainer"].state.log_history[-1]["train_loss"] > 0
    vectors = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert found["closeness"](vectors).item() == pytest.approx(0.5)
    step = found["loss"]._summands(0, None)
    assert [str(summand) for summand in step] == [
        "Term at n4-d16",
        "Term at n2-d8",
        "Align of n2-d8 to n4-d16",
        "Term at n1-d4",
        "Align of n1-d4 to n2-d8",
        "Regulariser of n1-d4",
    ]
    assert [summand.weight for summand in step] == [1.0, 0.5, 0.5, 0.25, 0.5, 0.1]
