"""Fine-tuning as config/paper.yaml sets it gives the published code's losses and gradients."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from starbench.config.reading import load_config
from starbench.config.resolved import objective_of, use_of
from starbench.draws import generator
from starbench.objectives import OBJECTIVES
from starbench.objectives.summands import Step, Term
from starbench.run.models import models_of
from starbench.sizes import Size
from starbench.stages.finetune.layered_loss import LayeredLoss
from starbench.stages.finetune.model import build_model
from starbench.stages.finetune.one_pass import embed_columns
from starbench.stages.finetune.run import base_loss
from tests.golden.weights import (
    OFFICIAL,
    beyond_tolerance,
    check_gradients,
    differences,
    measured,
    reference,
    worst,
)

PAPER = load_config(Path(__file__).parents[2] / "config" / "paper.yaml")
SYSTEM = {
    "sts_srl": "bert-srl",
    "sts_srl_no_kl": "bert-srl",
    "sts_2dmse_a": "bert-2dmse",
    "sts_2dmse_b": "bert-2dmse",
    "sts_separate": "bert-separate",
    "retrieval_srl": "bert-srl",
    "retrieval_srl_no_kl": "bert-srl",
    "retrieval_2dmse": "bert-2dmse",
    "retrieval_separate": "bert-separate",
}
CHANGED = {"sts_srl_no_kl": {"kl_weight": 0.0}, "retrieval_srl_no_kl": {"kl_weight": 0.0}}
"""What a case has otherwise than the config."""
DRAWN = {
    "sts_2dmse_a": {Size(12, 256), Size(5, 32), Size(5, 768)},
    "sts_2dmse_b": {Size(12, 768), Size(10, 128), Size(10, 768)},
    "retrieval_2dmse": {Size(n, d) for n in (4, 12) for d in (32, 64, 128, 256, 512, 768)},
}
"""The sizes of the terms of the step that was recorded."""
CUT = {"sts_separate": Size(4, 64), "retrieval_separate": Size(4, 64)}


@pytest.fixture(scope="module")
def encoder(reference_folder):
    """Make the model of a track, cut to one size for a model of its own; each is made once."""
    made = {}

    def build(case):
        track = case.split("_")[0]
        sizes = (CUT[case],) if case in CUT else tuple(PAPER.trained_sizes)
        if (track, sizes) not in made:
            of_system = next(m for m in models_of(PAPER, track) if m.system == SYSTEM[case])
            # The reference encoder has fewer positions than the paper's longest passage.
            settings = of_system.use.model_copy(update={"max_length": None})
            model = replace(of_system, sizes=sizes, cells=sizes, use=settings)
            made[track, sizes] = build_model(reference_folder, model).train()
        return made[track, sizes]

    return build


def inputs(case):
    """The text columns of a case."""
    columns = OFFICIAL["inputs"]["triplets" if case.startswith("sts") else "retrieval"]
    return [
        {name: torch.tensor(rows) for name, rows in column.items()} for column in columns.values()
    ]


def seed_that_draws(objective, sizes, wanted):
    """The first seed whose first step has just these sizes."""
    for seed in range(100_000):
        draw = generator(seed, "finetune", "step", 0)
        terms = objective.terms(Step(sizes, sizes[-1], draw=draw))
        if {size for term in terms for size in term.trains} == wanted:
            return seed
    raise AssertionError(f"no seed draws {wanted}")


def loss_of(case, encoder, mini_batch_size=None, **changed):
    """The pipeline's loss of a case, some options of its objective changed."""
    track, model = case.split("_")[0], encoder(case)
    given = objective_of(PAPER, SYSTEM[case], track)
    options = given.model_dump() | CHANGED.get(case, {}) | changed
    objective = OBJECTIVES[given.name].model_validate(options)
    sizes = [CUT[case]] if case in CUT else PAPER.trained_sizes
    base = base_loss(model, use_of(PAPER, SYSTEM[case], track))
    seed = seed_that_draws(objective, sizes, DRAWN[case]) if case in DRAWN else 42
    return LayeredLoss(model, base, sizes, objective, seed, mini_batch_size)


def results(case, loss):
    """{what: value} of one step, and each term of the case by itself."""
    model = loss.model
    model.zero_grad()
    if case.startswith("retrieval"):
        query, passage = inputs(case)
        # The collator's order: the positives of all queries, then each one's first negative ...
        order = [3 * query + number for number in range(3) for query in range(4)]
        columns = [query, {name: rows[order] for name, rows in passage.items()}]
    else:
        columns = inputs(case)
    value = loss(columns, None)
    value.backward()
    return measured(value, parameters(model)) | terms(case, loss, columns)


def parameters(model):
    """The parameters by their published names."""
    named = model[0].auto_model.named_parameters()
    return {f"bert.{name}": parameter for name, parameter in named}


@torch.no_grad()
def terms(case, loss, columns):
    """{what: value} of the terms that a case states."""
    stated = [key for key in reference(case) if key.startswith(("base ", "kl "))]
    sizes = {key: Size(*map(int, key.split()[1].split("-"))) for key in stated}
    if not stated:
        return {}
    layers = {size.layers for size in sizes.values()} | {loss.full.layers}
    embedded = embed_columns(loss.model, columns, sorted(layers))
    aligned = loss.objective.model_copy(update={"kl_weight": 1.0}).aligned
    single = {
        key: Term(size) if key.startswith("base") else aligned(size, loss.full)
        for key, size in sizes.items()
    }
    return {
        key: loss.from_embeddings(embedded, None, [term]).item() for key, term in single.items()
    }


@pytest.mark.parametrize("case", SYSTEM)
def test_a_case_gives_the_published_numbers(case, encoder, note):
    loss = loss_of(case, encoder)
    assert not beyond_tolerance(differences(note(case, results(case, loss)), case))
    check_gradients(parameters(loss.model), case)


@pytest.mark.parametrize("case", ["sts_srl", "retrieval_srl"])
def test_gradient_caching_gives_the_published_numbers(case, encoder):
    loss = loss_of(case, encoder, mini_batch_size=4)
    assert not beyond_tolerance(differences(results(case, loss), case))


def test_every_case_is_compared():
    assert {*SYSTEM, "mlm", "smae", "smae_initial"} == OFFICIAL["cases"].keys()


@pytest.mark.parametrize(
    ("case", "changed", "loss", "norm"),
    [
        ("sts_srl", {"kl_temperature": 0.3}, 8e-2, 6),
        ("sts_srl", {"kl_detach": True}, 0, 7e-2),
        ("sts_srl", {"kl_weight": 1.0}, 2e-2, 5e-1),
        ("sts_2dmse_a", {"kl_detach": True}, 0, 5e-1),
        ("sts_2dmse_a", {"layer_weight": "uniform"}, 6e-1, 6e-1),
        ("retrieval_srl", {"kl_detach": False}, 0, 2),
        ("retrieval_srl", {"kl_over": "dims"}, 1e-1, 1e-1),
    ],
)
def test_a_wrong_option_is_as_far_off_as_stated(case, changed, loss, norm, encoder):
    found = differences(results(case, loss_of(case, encoder, **changed)), case)
    assert beyond_tolerance(found)
    assert worst(found) == (loss, norm)
