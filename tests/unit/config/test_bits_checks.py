"""Keys of `bits` and `asymmetric` that do not fit the rest of a config are named."""

import pytest

from starbench.config.reading import parse_config
from starbench.errors import InputError
from starbench.run.bits import scored_bits
from starbench.run.jobs import JobGraph
from starbench.run.models import models_of
from starbench.run.paths import RunPaths
from starbench.run.slices import bits_slice, comparison_slice, scoring_slice
from tests.unit.runs import tiny_value

COLLECTION = {"library": {"kind": "collection", "source": "micro", "rows": 60, "queries": 6}}


def config_of(track="retrieval", dtype="float32", depth=100, **keys):
    """Return a config of one track with further keys."""
    section = {"tasks": ["library" if track == "retrieval" else "test"], **keys}
    section["embedding"] = {"dtype": dtype}
    if track == "retrieval":
        section["search"] = {"depth": depth}
    return parse_config(
        tiny_value(
            datasets=COLLECTION,
            systems={
                name: {"backbone": "tiny", "objective": name} for name in ("untouched", "separate")
            },
            tracks={
                track: section
                | {
                    "finetuning": {
                        "dataset": "train",
                        "steps": 2,
                        "batch_size": 4,
                        "learning_rate": 1e-3,
                    }
                }
            },
        )
    )


FUNNEL = [{"dim": 8, "bits": "binary", "keep": 40}, {"dim": 16, "bits": "float32"}]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"bits": {"scored": ["int4"]}}, r"bits\.scored\.0: .*int8"),
        ({"bits": {"scored": ["int8", "int8"]}}, r"bits\.scored: lists .int8. twice"),
        ({"bits": {"scored": ["float32"]}}, r"scored\.0: float32 is what is stored"),
        (
            {"bits": {"rescored": ["binary+float32"]}, "dtype": "float16"},
            r"rescored\.0: the track stores float16, which holds no float32",
        ),
        ({"bits": {"rescored": ["int8+binary"]}}, r"rescored\.0: "),
        ({"bits": {"calibration": 1}}, r"bits\.calibration: .*2"),
        ({"bits": {"shortlist": 50}, "depth": 20}, r"bits\.shortlist: 50 passages, but .* is 20"),
        ({"bits": {"funnel": FUNNEL[1:]}}, r"a funnel has at least two steps"),
        ({"bits": {"funnel": FUNNEL[::-1]}}, r"every step but the last has `keep`"),
        (
            {"bits": {"funnel": [FUNNEL[0] | {"keep": 400}, FUNNEL[1]]}},
            r"funnel\.0\.keep: 400 passages, but the search's depth is 100",
        ),
        (
            {"bits": {"funnel": [FUNNEL[0] | {"dim": 7}, FUNNEL[1]]}},
            r"funnel\.0: no size 4/7 is scored, there are 1/4, ",
        ),
        ({"bits": {"shortlist": 5}, "track": "sts"}, r"bits\.shortlist: is for tracks that search"),
        ({"asymmetric": True, "track": "sts"}, r"sts\.asymmetric: is for the track retrieval"),
    ],
)
def test_what_does_not_fit_is_named(keys, message):
    with pytest.raises(InputError, match=message):
        config_of(**keys)


def test_the_default_is_all_but_what_is_stored():
    assert scored_bits(config_of(bits=None), "retrieval") == []
    names = ["float16", "int8", "binary", "int8+float32", "binary+float32"]
    assert scored_bits(config_of(bits={}), "retrieval") == names
    names = ["int8", "binary", "int8+float16", "binary+float16"]
    assert scored_bits(config_of(bits={}, dtype="float16"), "retrieval") == names
    assert scored_bits(config_of("sts", bits={}), "sts") == ["float16", "int8", "binary"]


def test_bits_and_small_queries_change_nothing_that_other_jobs_depend_on():
    plain, more = config_of(), config_of(bits={}, asymmetric=True)
    (model, *_) = models_of(plain, "retrieval")
    assert scoring_slice(plain, model, "library") == scoring_slice(more, model, "library")
    assert "bits" not in comparison_slice(plain)
    before = bits_slice(more, model, "library")
    assert bits_slice(config_of(bits={"calibration": 50}), model, "library") != before
    jobs = {
        name: {job.outputs: job.inputs for job in JobGraph(config, RunPaths.of(config)).jobs}
        for name, config in (("plain", plain), ("more", more))
    }
    added = {outputs[0].parts[2] for outputs in jobs["more"].keys() - jobs["plain"].keys()}
    # `asymmetric.csv` beside `scores.csv`: collecting is another job then.
    assert added == {"bits", "asymmetric", "scores.csv"}
    small = [outputs for outputs in jobs["more"] if outputs[0].parts[2] == "asymmetric"]
    assert [outputs[0].parts[4] for outputs in small] == ["untouched"]
