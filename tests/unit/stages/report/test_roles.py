"""Which systems the paper's claims are about, in configs of this repository."""

from pathlib import Path

from starbench.config.reading import load_config
from starbench.stages.report.roles import asked, pairs_of, role_of

CONFIG = Path(__file__).parents[4] / "config"


def test_the_demo_has_every_system_of_the_paper():
    config = load_config(CONFIG / "demo.yaml")
    roles = {system: role_of(config, system, "sts") for system in config.systems}
    assert roles == {
        "bert": "single",
        "bert-separate": "separate",
        "bert-2dmse": "2dmse",
        "bert-srl": "srl",
        "starbucks": "starbucks",
    }


def test_other_pre_training_is_neither_srl_alone_nor_starbucks():
    config = load_config(CONFIG / "demo.yaml", CONFIG / "demo" / "pretraining.yaml")
    roles = {system: role_of(config, system, "sts") for system in config.systems}
    assert roles.pop("mlm") == "srl"
    assert roles.pop("smae") == "starbucks"
    assert "dupmae" in roles
    assert set(roles.values()) == {None}
    pairs = {pair for claim in asked(config) for pair in pairs_of(claim, config, "sts")}
    assert pairs == {("smae", "mlm")}
