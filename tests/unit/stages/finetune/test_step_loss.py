"""Terms, alignments and regularisers of objectives of one's own, against plain formulas."""

import copy

import pytest
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.sentence_transformer.modules import Normalize

from starbench import Align, LayeredLoss, Objective, RankingLoss, Regulariser, Size, Step, Term
from starbench.errors import InputError
from starbench.stages.finetune.ranking_loss import MASKED
from starbench.stages.finetune.step_loss import kl_divergence

SIZES = [Size(1, 4), Size(2, 8), Size(4, 16)]
SMALL, MIDDLE, FULL = SIZES


class Given(Objective):
    """An objective whose summands are given, as a script's own would return them."""

    given: object

    def terms(self, step):
        return self.given(step) if callable(self.given) else self.given


@pytest.fixture
def columns():
    """{layer: [queries, positives, negatives], each (3, 16)} with gradients."""
    draw = torch.Generator().manual_seed(0)
    return {
        layer: [torch.randn(3, 16, generator=draw, requires_grad=True) for _ in range(3)]
        for layer in (1, 2, 4)
    }


@pytest.fixture
def loss_of(tiny_model, columns):
    """The loss of some summands on the embeddings above."""

    def loss(*summands, base=None, model=None, labels=None):
        base = base or RankingLoss("dot", 2.0)
        layered = LayeredLoss(model or tiny_model, base, SIZES, Given(given=list(summands)))
        return layered.from_embeddings(columns, labels, summands)

    return loss


def rows(columns, size, dim=None):
    return torch.cat(columns[size.layers])[:, : dim or size.dim]


def scores(columns, size):
    queries, *passages = [column[:, : size.dim] for column in columns[size.layers]]
    return queries @ torch.cat(passages).T / 2


def kl(teacher, student, temperature=1.0):
    p, q = ((x / temperature).softmax(-1) for x in (teacher, student))
    return (p * (p / q).log()).sum(-1).mean()


DISTANCES = {
    "kl": lambda s, t: kl(t, s),
    "mse": lambda s, t: ((s - t) ** 2).sum() / s.numel(),
    "cosine": lambda s, t: (1 - (s * t).sum(1) / s.norm(dim=1) / t.norm(dim=1)).mean(),
}


@pytest.mark.parametrize("by", DISTANCES)
@pytest.mark.parametrize("over", ["dims", "vectors", "scores"])
def test_an_alignment_is_the_distance_of_its_definition(loss_of, columns, over, by):
    read = scores if over == "scores" else (lambda c, size: rows(c, size, SMALL.dim))
    expected = 0.5 * DISTANCES[by](read(columns, SMALL), read(columns, MIDDLE))
    ours = loss_of(Align(SMALL, MIDDLE, 0.5, over=over, by=by))
    torch.testing.assert_close(ours, expected)


def test_dims_columns_and_temperature_choose_what_is_compared(loss_of, columns):
    align = Align(SMALL, FULL, 1.0, dims=3, columns=(2, 0), temperature=0.5)
    small, full = (torch.cat([columns[n][2], columns[n][0]])[:, :3] for n in (1, 4))
    torch.testing.assert_close(loss_of(align), kl(full, small, 0.5))


def test_a_function_is_given_each_size_at_its_own_width(loss_of, columns):
    def by(student, teacher):
        assert (student.shape, teacher.shape) == ((9, 4), (9, 16))
        return (student.sum() - teacher.sum()) ** 2

    ours = loss_of(Align(SMALL, FULL, 2.0, by=by))
    torch.testing.assert_close(
        ours, 2 * (rows(columns, SMALL).sum() - rows(columns, FULL).sum()) ** 2
    )


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("over", ["dims", "vectors", "scores"])
def test_no_gradient_reaches_a_teacher_that_is_detached(loss_of, columns, over, detach):
    loss = loss_of(Align(SMALL, FULL, 1.0, over=over, detach=detach))
    gradients = torch.autograd.grad(loss, columns[4], allow_unused=True)
    assert all(gradient is None or not gradient.any() for gradient in gradients) == detach
    assert all(gradient.any() for gradient in torch.autograd.grad(
        loss_of(Align(SMALL, FULL, 1.0, over=over, detach=detach)), columns[1]))  # fmt: skip


def test_vectors_are_normalised_as_the_model_does_and_dims_are_not(loss_of, columns, tiny_model):
    model = SentenceTransformer(modules=[*tiny_model.children(), Normalize()], device="cpu")
    small, full = rows(columns, SMALL, 4), rows(columns, FULL, 4)
    vectors = loss_of(Align(SMALL, FULL, 1.0, over="vectors", by="mse"), model=model)
    torch.testing.assert_close(vectors, F.mse_loss(F.normalize(small), F.normalize(full)))
    dims = loss_of(Align(SMALL, FULL, 1.0, over="dims", by="mse"), model=model)
    torch.testing.assert_close(dims, F.mse_loss(small, full))


def test_pairs_that_are_left_out_of_the_loss_are_no_difference(loss_of, columns):
    # Query 0's positive is another right answer of query 1.
    labels = torch.tensor([[1, 4, 1, 0], [2, 5, 2, 1], [3, 6, 3, 0]])
    base = RankingLoss("dot", 2.0, mask_right_answers=True)
    small, full = (scores(columns, size).clone() for size in (SMALL, FULL))
    small[1, 0] = full[1, 0] = 0
    ours = loss_of(Align(SMALL, FULL, 1.0, over="scores", by="mse"), base=base, labels=labels)
    torch.testing.assert_close(ours, ((small - full) ** 2).mean())


@pytest.mark.parametrize("temperature", [1.0, 0.05])
def test_a_teacher_that_learns_gets_no_gradient_from_pairs_that_are_left_out(temperature):
    """Against the divergence of each row's own pairs, the others cut off."""
    torch.manual_seed(3)
    student, teacher = (torch.randn(4, 6, requires_grad=True) for _ in range(2))
    left_out = torch.rand(4, 6) < 0.3
    masked = [scores.masked_fill(left_out, MASKED) for scores in (student, teacher)]
    found = kl_divergence(*masked, temperature)
    rows = [
        kl_divergence(student[row][kept][None], teacher[row][kept][None], temperature)
        for row, kept in enumerate(~left_out)
    ]
    expected = torch.stack(rows).mean()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    inputs = (student, teacher)
    for ours, plain in zip(
        torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True
    ):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


def test_a_regulariser_is_a_function_of_sizes(loss_of, columns):
    def function(small, full):
        return (small.std(0).mean() - full.std(0).mean()).abs()

    ours = loss_of(Regulariser((SMALL, FULL), 0.1, function))
    expected = 0.1 * function(rows(columns, SMALL), rows(columns, FULL))
    torch.testing.assert_close(ours, expected)
    ours = loss_of(Regulariser((SMALL,), 1.0, lambda s: s.max(), over="scores"))
    torch.testing.assert_close(ours, scores(columns, SMALL).max())
    ours = loss_of(Regulariser((SMALL,), 1.0, lambda v: v.sum(), columns=(1,)))
    torch.testing.assert_close(ours, columns[1][1][:, :4].sum())


def test_scores_of_a_size_are_made_once_for_all_that_read_them(tiny_model, columns):
    made = []

    class Counting(RankingLoss):
        def scores(self, columns, labels=None):
            made.append(columns[0].shape[1])
            return super().scores(columns, labels)

    summands = [
        *(Term(size) for size in SIZES),
        *(Align(size, FULL, 1.0, over="scores") for size in SIZES[:-1]),
        Align(SMALL, MIDDLE, 1.0, over="scores", by="mse"),
        Regulariser(
            (FULL, SMALL), 1.0, lambda full, small: full.sum() + small.sum(), over="scores"
        ),
    ]
    layered = LayeredLoss(tiny_model, Counting(), SIZES, Given(given=summands))
    layered.from_embeddings(columns, None, summands)
    assert made == [4, 8, 16]


def test_the_ranking_loss_of_the_library_has_scores_too(loss_of, columns, tiny_model):
    base = MultipleNegativesRankingLoss(tiny_model)

    def cosines(size):
        queries, *passages = (F.normalize(c[:, : size.dim]) for c in columns[size.layers])
        return 20 * queries @ torch.cat(passages).T

    ours = loss_of(Align(SMALL, FULL, 1.0, over="scores"), base=base)
    torch.testing.assert_close(ours, kl(cosines(FULL), cosines(SMALL)))


def test_one_pass_over_the_texts_gives_what_all_summands_read(tiny_model, triplet_columns):
    passes = []
    hook = tiny_model[0].register_forward_hook(lambda *_: passes.append(1))
    given = [Term(SMALL), Align(MIDDLE, FULL, 1.0), Regulariser((Size(3, 2),), 1.0, torch.sum)]
    LayeredLoss(tiny_model, RankingLoss(), SIZES, Given(given=given))(triplet_columns, None)
    hook.remove()
    assert len(passes) == 1


def test_an_objective_sees_the_number_of_its_step_and_of_all_steps(tiny_model, triplet_columns):
    seen = []

    def given(step):
        seen.append((step.number, step.steps, list(step.sizes), step.full, step.draw.random()))
        return [Term(FULL)]

    base = RankingLoss()
    told = LayeredLoss(tiny_model, base, SIZES, Given(given=given), steps=9)
    told.start_step(7)
    told(copy.deepcopy(triplet_columns), None)
    assert seen[-1][:4] == (7, 9, SIZES, FULL)
    script = LayeredLoss(tiny_model, base, SIZES, Given(given=given))
    seen.clear()
    for _ in range(2):
        script(copy.deepcopy(triplet_columns), None)
    assert [one[:2] for one in seen] == [(0, None), (1, None)]
    assert seen[0][4] != seen[1][4]


def test_a_step_of_a_script_needs_no_more_than_its_sizes():
    step = Step(SIZES, FULL)
    assert (step.number, step.steps) == (0, None)
    assert 0 <= step.draw.random() < 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "terms gave NoneType, needed is a list of summands"),
        ([], "nothing to train at step 0: no summand has a weight"),
        ([Term(FULL, 0.0)], "nothing to train at step 0: no summand has a weight"),
        ([FULL], "Size among its terms, not a Term, an Align or a Regulariser"),
        ([Term(Size(5, 16))], "Term at n5-d16: n5-d16 is beyond the model, of 4 layers and 16 dim"),
        ([Align(SMALL, Size(4, 17), 1.0)], "n4-d17 is beyond the model"),
        ([Regulariser((), 1.0, torch.sum)], "Regulariser of : it has no sizes"),
        ([Term(FULL, float("nan"))], "the weight of Term at n4-d16 is nan, not a finite number"),
        ([Term(FULL, torch.tensor(1.0))], "Term at n4-d16 is tensor.1.., not a finite"),
        ([Term(FULL, 1.0, "all")], "among 'all' is none of batch, positives, own"),
        ([Align(SMALL, FULL, 1.0, over="score")], "over 'score' is none of .* mean 'scores'"),
        ([Align(SMALL, FULL, 1.0, by="l2")], "by 'l2' is none of kl, mse, cosine"),
        ([Align(SMALL, FULL, 1.0, dims=5)], "dims 5 are compared, but both sizes have 4"),
        ([Align(SMALL, FULL, 1.0, over="scores", dims=2)], "not over scores"),
        ([Align(SMALL, FULL, 1.0, temperature=0)], "the temperature is 0, needed"),
        ([Align(SMALL, FULL, 1.0, by="mse", temperature=2.0)], "a temperature is for by 'kl'"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_one_line_that_names_the_objective(tiny_model, given, message):
    with pytest.raises(InputError, match=f"objective 'Given': .*{message}") as raised:
        LayeredLoss(tiny_model, RankingLoss(), SIZES, Given(given=given))
    assert "\n" not in str(raised.value)


class Failing(Objective):
    """Its terms are a mistake."""

    def terms(self, step):
        return [Term(step.full, 1 / step.number)]


def test_an_objective_that_fails_is_one_line_that_names_it(tiny_model):
    message = "objective 'Failing': terms failed at step 0: ZeroDivisionError: division by zero"
    with pytest.raises(InputError, match=f"^{message}$"):
        LayeredLoss(tiny_model, RankingLoss(), SIZES, Failing())


@pytest.mark.parametrize(
    ("summand", "message"),
    [
        (Align(SMALL, FULL, 1.0, over="scores"), "CoSENTLoss has none: use over dims or vectors"),
        (Regulariser((SMALL,), 1.0, torch.sum, over="scores"), "CoSENTLoss has none"),
        (Term(FULL, among="own"), "among 'own' .RankingLoss.; CoSENTLoss cannot"),
    ],
)
def test_what_the_base_loss_has_not_is_refused_at_once(tiny_model, summand, message):
    with pytest.raises(InputError, match=f"objective 'Given': .* needs a base loss .*{message}"):
        LayeredLoss(tiny_model, CoSENTLoss(tiny_model), SIZES, Given(given=[summand]))


@pytest.mark.parametrize(
    ("summand", "message"),
    [
        (Align(SMALL, FULL, 1.0, by=lambda s, t: s), "of Align of n1-d4 to n4-d16 gave a tensor"),
        (Regulariser((SMALL,), 1.0, lambda v: 3.0), "of Regulariser of n1-d4 gave 3.0, needed is"),
        (Regulariser((SMALL,), 1.0, lambda v: v / v.nothing), "n1-d4 failed: AttributeError: "),
        (Align(SMALL, FULL, 1.0, columns=(3,)), "no text column 3: the batch has 3, from 0"),
    ],
)
def test_what_a_function_gives_wrong_names_the_objective(loss_of, summand, message):
    with pytest.raises(InputError, match=f"objective 'Given': .*{message}"):
        loss_of(summand)
