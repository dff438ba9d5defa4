"""Masking hides whole words, at the stated rates, the same whatever ran before."""

import copy

import numpy as np
import pytest
import torch

from starbench.config.training import Pretraining
from starbench.draws import generator
from starbench.errors import InputError
from starbench.stages.pretrain.examples import (
    MaskedExamples,
    Padding,
    TextDocuments,
    tokenize_documents,
)
from starbench.stages.pretrain.masking import UNLABELLED, Vocabulary, mask_words
from starbench.stages.pretrain.tokenizer import train_tokenizer, vocabulary_of

MASK, CLS, SEP, PAD = 4, 2, 3, 0
UNK = 1
VOCABULARY = Vocabulary(MASK, np.arange(5, 1000), 1000, UNK)
BY_WORDS = {"mask_budget": "words", "mask_unknown": True, "random_tokens": "ordinary"}


def settings(rates=(0.2, 0.4), **changes):
    """Settings of a pre-training that matter to masking."""
    value = {"objective": "smae", "datasets": ["d"], "batch_size": 4, "steps": 1}
    encoder, decoder = rates
    value |= {"learning_rate": 1e-3, "encoder_mask_rate": encoder, "decoder_mask_rate": decoder}
    return Pretraining(**value | changes)


def text(words, seed):
    """Random ids of words of one to three tokens between [CLS] and [SEP]."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 4, words)
    ids = draw.integers(5, 1000, lengths.sum())
    numbers = np.repeat(np.arange(words), lengths)
    return np.array([CLS, *ids, SEP]), np.array([-1, *numbers, -1])


def masked(words=40, seed=0, rates=(0.2, 0.4), **changes):
    ids, numbers = text(words, seed)
    rules = settings(rates, **changes)
    return ids, numbers, mask_words(ids, numbers, rules, VOCABULARY, generator("test", seed))


def chosen_words(numbers, labels):
    return set(numbers[labels != UNLABELLED].tolist())


@pytest.mark.parametrize("changes", [{}, BY_WORDS], ids=["published", "by words"])
@pytest.mark.parametrize("seed", range(20))
def test_words_are_hidden_whole_and_never_special_tokens(seed, changes):
    _, numbers, text_masked = masked(seed=seed, **changes)
    for labels in (text_masked.encoder_labels, text_masked.decoder_labels):
        words = chosen_words(numbers, labels)
        assert -1 not in words
        assert np.array_equal(labels != UNLABELLED, np.isin(numbers, sorted(words)))


@pytest.mark.parametrize("seed", range(20))
def test_the_encoders_mask_is_a_subset_of_the_decoders(seed):
    _, numbers, text_masked = masked(seed=seed, **BY_WORDS)
    encoder = chosen_words(numbers, text_masked.encoder_labels)
    decoder = chosen_words(numbers, text_masked.decoder_labels)
    assert encoder < decoder
    assert (len(encoder), len(decoder)) == (8, 16)


def test_labels_are_the_tokens_themselves_and_what_is_not_chosen_stays():
    ids, _, text_masked = masked()
    for new, labels in (
        (text_masked.encoder_ids, text_masked.encoder_labels),
        (text_masked.decoder_ids, text_masked.decoder_labels),
    ):
        chosen = labels != UNLABELLED
        assert np.array_equal(labels[chosen], ids[chosen])
        assert np.array_equal(new[~chosen], ids[~chosen])


def test_of_the_chosen_tokens_80_percent_are_masked_10_random_10_unchanged():
    fates = []
    for seed in range(300):
        ids, _, text_masked = masked(seed=seed, **BY_WORDS)
        for new, labels in (
            (text_masked.encoder_ids, text_masked.encoder_labels),
            (text_masked.decoder_ids, text_masked.decoder_labels),
        ):
            chosen = labels != UNLABELLED
            fates.append(np.where(new == MASK, 0, np.where(new == ids, 2, 1))[chosen])
            assert (new[chosen] >= MASK).all()  # never [PAD], [UNK], [CLS] or [SEP]
    shares = np.bincount(np.concatenate(fates)) / sum(map(len, fates))
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.01)


@pytest.mark.parametrize(("words", "rate", "count"), [(1, 0.1, 1), (10, 0.15, 2), (40, 0.5, 20)])
def test_the_rate_is_of_words_and_one_word_at_least_is_hidden(words, rate, count):
    _, numbers, text_masked = masked(words=words, rates=(rate, rate), **BY_WORDS)
    assert len(chosen_words(numbers, text_masked.encoder_labels)) == count


def published_masks(lengths, tokens, rates, shuffled):
    """The published rule, written out: which words (by number) each of the two hides.

    Words are taken in a random order until the larger budget is reached; what would exceed it is
    passed over; a budget is the rate of all tokens, the special ones included.
    """
    budgets = [max(1, round(tokens * rate)) for rate in rates]
    hidden, used, total = ([], []), [0, 0], 0
    for word in shuffled:
        length = lengths[word]
        if total >= max(budgets):
            break
        if total + length > max(budgets):
            continue
        total += length
        fits = [used[side] + length <= budgets[side] for side in (0, 1)]
        if fits[0] and fits[1]:
            hidden[0].append(word)
            used[0] += length
        if fits[1]:
            hidden[1].append(word)
            used[1] += length
    return [set(words) for words in hidden]


@pytest.mark.parametrize("rates", [(0.2, 0.4), (0.15, 0.3), (0.3, 0.3), (0.01, 0.02)])
@pytest.mark.parametrize("words", [1, 2, 7, 40])
def test_by_tokens_it_is_the_published_rule(words, rates):
    for seed in range(30):
        _, numbers, text_masked = masked(words=words, seed=seed, rates=rates)
        lengths = {word: int((numbers == word).sum()) for word in range(words)}
        shuffled = generator("test", seed).permutation(words).tolist()
        encoder, decoder = published_masks(lengths, len(numbers), rates, shuffled)
        assert chosen_words(numbers, text_masked.encoder_labels) == encoder
        assert chosen_words(numbers, text_masked.decoder_labels) == decoder


def test_by_tokens_the_encoder_passes_over_a_word_that_only_the_decoder_has_room_for():
    # 10 tokens: 2 for the encoder, 4 for the decoder; of words of 3, 1 and 1 tokens the long one
    # is the decoder's alone, whenever its turn comes before the decoder's room is gone.
    ids, numbers = np.array([CLS, *range(10, 18), SEP]), np.array([-1, 0, 0, 0, 1, 2, 3, 3, 3, -1])
    seen = set()
    for seed in range(40):
        made = mask_words(ids, numbers, settings(), VOCABULARY, generator("t", seed))
        encoder = chosen_words(numbers, made.encoder_labels)
        decoder = chosen_words(numbers, made.decoder_labels)
        assert encoder <= decoder
        assert encoder <= {1, 2}
        assert (made.decoder_labels != UNLABELLED).sum() == 4 or decoder <= {1, 2}
        seen.add((frozenset(encoder), frozenset(decoder)))
    assert len(seen) > 2


def rates_of(**changes):
    """Share of the tokens hidden from the encoder in each of 2,000 texts of about 128 tokens."""
    shares = []
    for seed in range(2000):
        words = int(np.random.default_rng(seed).integers(40, 90))
        _, numbers, text_masked = masked(words=words, seed=seed, **changes)
        shares.append((text_masked.encoder_labels != UNLABELLED).sum() / (len(numbers) - 2))
    return np.array(shares)


def test_by_tokens_and_by_words_the_mean_rate_is_the_same_but_its_spread_is_wider_by_words():
    by_tokens, by_words = rates_of(), rates_of(**BY_WORDS)
    # The budget counts the two special tokens, and a word that does not fit leaves room.
    assert by_tokens.mean() == pytest.approx(0.2008, abs=0.003)
    assert by_words.mean() == pytest.approx(0.2008, abs=0.003)
    assert by_words.std() > 3 * by_tokens.std()


def test_unknown_words_are_hidden_only_where_the_config_says_so():
    ids, numbers = text(40, seed=3)
    ids[5:15] = UNK
    for unknown in (False, True):
        hidden = set()
        for seed in range(50):
            made = mask_words(
                ids, numbers, settings(mask_unknown=unknown), VOCABULARY, generator("t", seed)
            )
            hidden |= set(made.decoder_labels.tolist())
        assert (UNK in hidden) == unknown


def test_a_text_of_unknown_words_alone_hides_nothing():
    ids, numbers = np.array([CLS, UNK, UNK, SEP]), np.array([-1, 0, 1, -1])
    made = mask_words(ids, numbers, settings(), VOCABULARY, generator("t", 0))
    assert (made.decoder_labels == UNLABELLED).all()
    assert np.array_equal(made.decoder_ids, ids)


def test_random_tokens_are_of_the_whole_vocabulary_or_ordinary_ones():
    small = Vocabulary(MASK, np.arange(5, 10), 10, UNK)
    ids, numbers = np.full(402, 7), np.array([-1, *range(400), -1])
    for kind, expected in (("all", set(range(10))), ("ordinary", {4, *range(5, 10)})):
        rules = settings((0.9, 0.9), random_tokens=kind)
        seen = set()
        for seed in range(20):
            seen |= set(mask_words(ids, numbers, rules, small, generator("t", seed)).encoder_ids)
        assert seen == expected


TEXTS = [
    "the quick brown fox jumps over the lazy dog .",
    "unbelievably long words are tokenized into several pieces .",
    "short .",
    "a much longer document " * 20,
] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, vocabulary=90, max_length=64)


@pytest.fixture
def examples(tokenizer):
    def make(positions=48, seed=7, max_length=24, on_disk=False):
        rules = settings(max_length=max_length)
        documents = (
            TextDocuments(TEXTS, tokenizer) if on_disk else tokenize_documents(TEXTS, tokenizer)
        )
        return MaskedExamples(
            documents, tokenizer, vocabulary_of(tokenizer, 90, "t"), rules, positions, seed
        )

    return make


def test_documents_tokenized_in_passing_give_the_same_examples(examples):
    before, passing = examples(max_length=8), examples(max_length=8, on_disk=True)
    assert len(before.documents) == len(passing.documents)
    for position in range(40):
        for name, values in before[position].items():
            np.testing.assert_array_equal(passing[position][name], values)


def test_a_text_without_a_token_tokenized_in_passing_hides_nothing(tokenizer):
    ids, starts_word = TextDocuments(["the fox", "  "], tokenizer).document(1)
    assert len(ids) == len(starts_word) == 0


def test_an_example_is_the_same_whatever_was_read_before(examples):
    forwards = [examples()[position] for position in range(40)]
    other = examples(positions=100)
    for position in (39, 3, 17, 0):
        for name, values in forwards[position].items():
            assert np.array_equal(other[position][name], values)


def test_each_epoch_masks_the_same_document_otherwise(examples):
    made = examples()
    sentence = 1  # its eleven words are one window
    first, second = (
        12 * e + list(made.order[12 * e : 12 * e + 12]).index(sentence) for e in (0, 1)
    )
    assert not np.array_equal(made[first]["decoder_labels"], made[second]["decoder_labels"])


def test_another_seed_gives_another_order_and_other_masks(examples):
    assert list(examples(seed=1).order) != list(examples(seed=2).order)


def test_a_long_document_gives_a_random_window_and_a_short_one_itself(examples, tokenizer):
    made = examples(positions=240)
    seen = set()
    for position in range(240):
        item = made[position]
        ids = np.where(
            item["decoder_labels"] == UNLABELLED, item["decoder_ids"], item["decoder_labels"]
        )
        document = made.documents.ids[slice(*made.documents.offsets[made.order[position] :][:2])]
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        windows = [
            start
            for start in range(len(document) - len(ids) + 3)
            if np.array_equal(document[start : start + len(ids) - 2], ids[1:-1])
        ]
        assert windows
        assert len(ids) == min(24, len(document) + 2)
        if len(document) > 22:
            seen.add(windows[0])
    assert len(seen) > 5


def test_words_of_several_pieces_are_known_without_tokenizing_again(examples, tokenizer):
    documents = examples().documents
    pieces = tokenizer.convert_ids_to_tokens(documents.ids.tolist())
    continues = np.array([piece.startswith("##") for piece in pieces])
    assert continues.any()
    assert np.array_equal(~documents.starts_word, continues)


def test_batches_are_padded_to_a_multiple_of_eight_and_padding_has_no_label(examples):
    made = examples()
    batch = Padding(PAD)([made[position] for position in range(6)])
    assert batch["encoder_ids"].shape[1] % 8 == 0
    padding = batch["attention_mask"] == 0
    assert padding.any()
    assert (batch["encoder_labels"][padding] == UNLABELLED).all()
    assert (batch["decoder_ids"][padding] == PAD).all()
    lengths = [len(made[position]["encoder_ids"]) for position in range(6)]
    assert batch["attention_mask"].sum(1).tolist() == lengths
    assert batch["encoder_ids"].dtype == torch.int64


def test_a_document_that_mentions_a_special_token_gives_ordinary_pieces(tokenizer):
    documents = tokenize_documents(["the [MASK] and the [SEP] [PAD]", "fox"], tokenizer)
    assert not set(documents.ids.tolist()) & {PAD, CLS, SEP, MASK}
    assert tokenizer("[MASK]")["input_ids"] == [CLS, MASK, SEP]  # elsewhere it still is one


@pytest.mark.parametrize("kind", ["mask", "cls", "sep", "pad"])
def test_a_tokenizer_without_a_special_token_that_is_needed_is_refused(tokenizer, kind):
    changed = copy.deepcopy(tokenizer)
    setattr(changed, f"{kind}_token", None)
    with pytest.raises(InputError, match="its tokenizer has no"):
        vocabulary_of(changed, 90, "t")


def test_a_tokenizer_with_more_tokens_than_the_backbone_is_refused(tokenizer):
    with pytest.raises(InputError, match="the backbone knows 40"):
        vocabulary_of(tokenizer, 40, "t")


def test_the_vocabulary_tells_special_tokens_from_ordinary_ones(tokenizer):
    vocabulary = vocabulary_of(tokenizer, 90, "t")
    assert (vocabulary.mask, vocabulary.unknown, vocabulary.size) == (MASK, UNK, len(tokenizer))
    assert vocabulary.ordinary.tolist() == list(range(5, len(tokenizer)))


def test_a_tokenizer_is_the_same_each_time_it_is_trained(tokenizer):
    for _ in range(5):
        again = train_tokenizer(TEXTS, vocabulary=90, max_length=64)
        assert again.get_vocab() == tokenizer.get_vocab()


def test_rare_characters_give_way_when_the_vocabulary_is_small():
    texts = ["aab bba ab ab ab", "".join(chr(0x4E00 + i) for i in range(300))]
    trained = train_tokenizer(texts, vocabulary=64, max_length=64)
    assert len(trained) <= 64
    assert trained.tokenize("ab") == ["ab"]
    assert trained.tokenize(chr(0x4E00 + 299)) == ["[UNK]"]


def test_texts_without_a_token_are_refused(tokenizer):
    with pytest.raises(InputError, match="hold no token"):
        tokenize_documents(["", "  "], tokenizer)


def test_a_trained_tokenizer_is_the_same_after_saving(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    ids = loaded("The Quick fox!")["input_ids"]
    assert ids == tokenizer("the quick fox!")["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert loaded.model_max_length == 64


@pytest.mark.parametrize("words", [1, 2, 3])
def test_one_word_of_a_short_text_is_hidden_at_least(words):
    _, numbers, text_masked = masked(words, rates=(0.1, 0.2), **BY_WORDS)
    assert len(chosen_words(numbers, text_masked.encoder_labels)) == 1
    assert len(chosen_words(numbers, text_masked.decoder_labels)) == 1
