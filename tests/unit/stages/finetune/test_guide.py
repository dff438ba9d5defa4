"""Guided negatives: the installed GISTEmbedLoss at the full size, a plain formula at every size."""

import copy
import random

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import GISTEmbedLoss
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertTokenizerFast

from starbench import Guide, LayeredLoss, RankingLoss, Size
from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.objectives import OBJECTIVES
from starbench.run.models import model_named
from starbench.run.paths import RunPaths
from starbench.run.slices import finetuning_slice
from starbench.stages.data.checkpoints import fetch_checkpoint
from starbench.stages.data.fetch import fetch_dataset
from starbench.stages.finetune.model import guide_of
from starbench.stages.finetune.run import finetune_model
from starbench.store.manifest import read_manifest
from tests.conftest import WORDS
from tests.unit.process_group import found_by_two, join_group, leave_group
from tests.unit.runs import tiny_value

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
ROWS = 8


def texts_of(columns, rows=ROWS, seed=0):
    draw = random.Random(seed)
    plain = [word for word in WORDS if word.isalpha()]
    return [
        [" ".join(draw.choices(plain, k=draw.randint(2, 9))) for _ in range(rows)]
        for _ in range(columns)
    ]


def features_of(model, columns):
    names = ("input_ids", "attention_mask", "token_type_ids")
    return [
        {name: value for name, value in model.preprocess(texts).items() if name in names}
        for texts in columns
    ]


@pytest.fixture
def guide_model(tiny_model):
    """A guide with the tokenizer of the tiny model and weights of its own."""
    return with_other_weights(tiny_model, 7)


def with_other_weights(model, seed):
    torch.manual_seed(seed)
    other = copy.deepcopy(model)
    for parameter in other.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return other


def objective(name, **options):
    return OBJECTIVES[name].model_validate({"objective": name, **options})


def gradients(loss, model):
    model.zero_grad()
    loss.backward()
    return [None if p.grad is None else p.grad.clone() for p in model.parameters()]


OPTIONS = [
    {},
    {"contrast_anchors": False},
    {"contrast_positives": False},
    {"contrast_anchors": False, "contrast_positives": False},
    {"margin": 0.1},
    {"margin": 0.05, "margin_strategy": "relative"},
]


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_at_the_full_size_it_is_the_librarys_gistembed(tiny_model, guide_model, columns, options):
    features = features_of(tiny_model, texts_of(columns))
    ours = RankingLoss("cosine", 0.05, guide=Guide(guide_model, **options))
    loss = LayeredLoss(tiny_model, ours, [SIZES[-1]], objective("single"))
    library = GISTEmbedLoss(tiny_model, guide_model, temperature=0.05, **options)
    found = loss(copy.deepcopy(features), None)
    expected = library(copy.deepcopy(features), None)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    pairs = zip(gradients(found, tiny_model), gradients(expected, tiny_model), strict=True)
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def plain_scores(columns, guided, size, temperature):
    """{(query, candidate): score} of all candidates, and which of them the guide leaves out."""
    cosine = torch.nn.functional.cosine_similarity
    rows = len(columns[0])
    scores, out = [], []
    for q in range(rows):
        threshold = cosine(guided[0][q], guided[1][q], dim=0)
        found, left = [], []
        for place, (first, second) in enumerate([(0, 1), (0, 2), (0, 0), (1, 1)]):
            for other in range(rows):
                a, b = columns[first][q][: size.dim], columns[second][other][: size.dim]
                found.append(cosine(a, b, dim=0) / temperature)
                similar = cosine(guided[first][q], guided[second][other], dim=0)
                own = place == 0 and other == q
                itself = place >= 2 and other == q
                left.append(not own and (itself or bool(similar > threshold + 1e-6)))
        scores.append(torch.stack(found))
        out.append(left)
    return scores, out


def test_srl_over_scores_is_guided_at_every_size(tiny_model, guide_model):
    texts = texts_of(3, seed=1)
    with torch.no_grad():
        guided = [guide_model.encode(column, convert_to_tensor=True) for column in texts]
    draw = torch.Generator().manual_seed(3)
    layers = {
        n: [torch.randn(ROWS, 16, generator=draw, requires_grad=True) for _ in texts]
        for n in (1, 2, 4)
    }
    guide = Guide(guide_model)
    base = RankingLoss("cosine", 0.5, guide=guide)
    loss = LayeredLoss(
        tiny_model, base, SIZES, objective("srl", kl_over="scores", kl_weight=1.0, kl_detach=True)
    )
    left_out = base.left_out(guide.embed(tiny_model, features_of(tiny_model, texts)))
    found = loss.from_embeddings(layers, None, loss._summands(0, None), left_out)
    reference, full = 0, None
    for size in reversed(SIZES):
        scores, out = plain_scores(layers[size.layers], guided, size, 0.5)
        assert 0 < sum(map(sum, out)) < sum(map(len, out))
        for q in range(ROWS):
            kept = [n for n, left in enumerate(out[q]) if not left]
            own = kept.index(q)
            logs = torch.log_softmax(scores[q][kept], 0)
            reference = reference - logs[own] / ROWS
            if full is not None:
                p = torch.softmax(full[q][kept], 0).detach()
                reference = reference + (p * (p.log() - logs)).sum() / ROWS
        full = scores if full is None else full
    torch.testing.assert_close(found, reference, rtol=1e-5, atol=1e-6)
    leaves = [tensor for columns in layers.values() for tensor in columns]
    mine = torch.autograd.grad(found, leaves)
    for one, two in zip(mine, torch.autograd.grad(reference, leaves), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def masking_loss(checkpoint):
    encoder = SentenceTransformer(modules=[Transformer(str(checkpoint)), Pooling(16)], device="cpu")
    return RankingLoss("cosine", 0.1, mask_right_answers=True, guide=Guide(encoder))


def half_of_a_batch(number, checkpoint, columns, guided, labels, folder, results):
    """Send the loss of half of the queries, and the gradient of its embeddings."""
    join_group(number, 2, folder)
    rows = slice(number * 4, number * 4 + 4)
    own = [column[rows].clone().requires_grad_() for column in columns]
    base = masking_loss(checkpoint)
    left_out = base.left_out([column[rows] for column in guided])
    loss = base.compute_loss_from_embeddings(own, labels[rows], left_out)
    hard = base.from_scores(base.scores(own, labels[rows], left_out), "own")
    loss.backward()
    results.put((number, loss.item(), hard.item(), [column.grad.tolist() for column in own]))
    leave_group(results)


def test_two_processes_have_the_loss_of_one_with_the_whole_batch(tiny_checkpoint, tmp_path):
    draw = torch.Generator().manual_seed(5)
    columns, guided = ([torch.randn(8, 16, generator=draw) for _ in range(3)] for _ in range(2))
    # A query's own two passages, then its right answers: query 2 shares the positive of query 5.
    own = torch.arange(1, 17).reshape(2, 8).T
    labels = torch.cat([own, own[:, :1], torch.zeros(8, 1, dtype=torch.long)], dim=1)
    labels[2, 3] = own[5, 0]
    base = masking_loss(tiny_checkpoint)
    leaves = [column.clone().requires_grad_() for column in columns]
    left_out = base.left_out(guided)
    scores = base.scores(leaves, labels, left_out)
    assert scores[2, 5] < -1e29, "the right answer"
    assert scores[2, 24 + 5] < -1e29, "and where positives are contrasted"
    loss = base.from_scores(scores)
    hard = base.from_scores(scores, "own").item()
    expected = torch.autograd.grad(loss, leaves)
    found = sorted(
        found_by_two(half_of_a_batch, tiny_checkpoint, columns, guided, labels, str(tmp_path))
    )
    assert sum(value for _, value, _, _ in found) / 2 == pytest.approx(loss.item(), rel=1e-5)
    assert sum(value for _, _, value, _ in found) / 2 == pytest.approx(hard, rel=1e-5)
    for column, whole in enumerate(expected):
        halves = torch.cat([torch.tensor(grads[column]) for _, _, _, grads in found])
        torch.testing.assert_close(halves / 2, whole, rtol=1e-4, atol=1e-6)


@pytest.fixture
def other_tokenizer(tiny_checkpoint, tmp_path):
    """A guide whose vocabulary is another one, in another order."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *reversed(WORDS)]
    tokenizer = BertTokenizerFast(
        vocab={word: number for number, word in enumerate(vocabulary)}, model_max_length=32
    )
    transformer = Transformer(str(tiny_checkpoint))
    transformer.processor = tokenizer
    return SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu")


@pytest.mark.parametrize("prompts", [("", ""), ("the small ", "a ")])
@pytest.mark.parametrize("own_prompt", ["", "today "])
def test_a_guide_with_another_tokenizer_or_prompts_reads_the_texts(
    tiny_model, guide_model, other_tokenizer, prompts, own_prompt
):
    texts = texts_of(2, seed=4)
    columns = [tiny_model.preprocess(column, prompt=own_prompt or None) for column in texts]
    for column in columns:
        if own_prompt:
            column["prompt_length"] = torch.tensor([column["prompt_length"]])
    for encoder in (guide_model, other_tokenizer):
        found = Guide(encoder, prompts=prompts).embed(tiny_model, columns)
        for embedded, column, prompt in zip(found, texts, prompts, strict=True):
            expected = encoder.encode(column, prompt=prompt or None, convert_to_tensor=True)
            torch.testing.assert_close(embedded, expected, rtol=1e-5, atol=1e-5)


def guided_value(folder, **guide):
    value = tiny_value(
        backbones={
            "tiny": {"checkpoint": {"name": str(folder)}},
            "wise": {"checkpoint": {"name": str(folder)}, "prompts": {"text": "the "}},
        }
    )
    value["tracks"]["sts"]["finetuning"]["guide"] = {"backbone": "wise", **guide}
    return value


def test_a_training_reads_its_guide_and_says_so(tiny_checkpoint, tmp_path):
    config = parse_config(guided_value(tiny_checkpoint))
    paths = RunPaths.of(config, tmp_path)
    fetch_dataset(config, paths, "train")
    for backbone in ("tiny", "wise"):
        fetch_checkpoint(config, paths, backbone)
    finetune_model(config, paths, "sts", "tiny-srl", 1)
    facts = read_manifest(paths.model("sts", "tiny-srl", 1))
    assert facts["negatives_per_query"] == 2 * 8 - 1 + 2 * 7
    model = model_named(config, "sts", "tiny-srl")
    assert guide_of(config, model, paths.checkpoint("wise")).prompts == ("the ", "the ")
    part = finetuning_slice(config, model, 1)["finetuning"]
    assert part["guide"]["backbone"] == "wise"
    assert part["guide_prompts"] == {"text": "the "}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"guide": {"backbone": "wize"}}, "no backbone 'wize' (did you mean 'wise'?)"),
        ({"loss": "cosent", "dataset": "graded"}, "guide: is for the loss mnrl"),
        ({"guide": {"backbone": "wise", "margin_strategy": "none"}}, "margin_strategy"),
    ],
)
def test_a_guide_that_cannot_be_is_refused(tiny_checkpoint, change, message):
    value = guided_value(tiny_checkpoint)
    value["datasets"]["graded"] = {"kind": "pairs", "source": "micro", "rows": 20}
    value["tracks"]["sts"]["finetuning"] |= change
    with pytest.raises(InputError) as error:
        parse_config(value)
    assert message in str(error.value)
