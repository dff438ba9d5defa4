"""What scores.csv must hold: anything else is named by its line."""

import pytest

from starbench.errors import InputError
from starbench.stages.report.scores import read_scores
from tests.unit.stages.report.scored import all_scores


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("tiny-slr,1,1,4,n1-d4,sts,test,cosine_spearman,0.5,10",
         r":2: no system 'tiny-slr' \(did you mean 'tiny-srl'\?\)"),
        ("tiny-srl,1,1,4,n1-d4,sts,tset,cosine_spearman,0.5,10", r":2: no dataset 'tset' .*'test'"),
        ("tiny-srl,1,1,4,n1-d4,st,test,cosine_spearman,0.5,10", r":2: no track 'st'"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,1.5,10", r":2: '1.5' is not a score"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,good,10", r":2: 'good' is not a score"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,inf,10", r":2: 'inf' is not a score"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,,10", r":2: '' is not a score"),
        ("tiny-srl,7,1,4,n1-d4,sts,test,cosine_spearman,0.5,10", r":2: no seed '7' .*1, 2"),
        ("tiny-srl,1,3,4,n3-d4,sts,test,cosine_spearman,0.5,10", r":2: .*'n3-d4' is not a cell"),
        ("tiny-srl,1,1,4,n1-d8,sts,test,cosine_spearman,0.5,10", r":2: .*'n1-d8' is not a cell"),
        ("tiny-srl,1,one,4,n1-d4,sts,test,cosine_spearman,0.5,10", r":2: layers 'one'"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,0.5,ten", r":2: 'ten' is not a number of"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,0.5", r":2: 9 values for 10 columns"),
        ("tiny-srl,1,1,4,n1-d4,sts,test,cosine_spearman,0.5,10,1", r":2: 11 values for 10 columns"),
        ("", r":2: 0 values for 10 columns"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_right_is_named_by_its_line(config, tmp_path, row, message):
    path = tmp_path / "scores.csv"
    path.write_text(f"system,seed,layers,dim,size,track,dataset,metric,value,queries\n{row}\n")
    with pytest.raises(InputError, match=rf"scores\.csv{message}"):
        read_scores(path, config)


def test_a_missing_column_and_a_score_that_stands_twice_are_named(written, config):
    _, paths = written(all_scores(config, (1,))[:1] * 2)
    with pytest.raises(InputError, match=r"scores\.csv:3: this score appears twice: tiny-srl, 1"):
        read_scores(paths.all_scores, config)
    text = paths.all_scores.read_text().replace(",value", ",val")
    paths.all_scores.write_text(text)
    with pytest.raises(InputError, match=r"scores\.csv:1: no column 'value'"):
        read_scores(paths.all_scores, config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"scores\.csv:1: no column 'system'"),
        (b"system,seed,layers,dim,size,track,dataset,metric,value,queries,x\n", r":1: the columns"),
        (b"system\xff\n", r"scores\.csv: not a CSV file in UTF-8"),
        (
            b"system,seed,layers,dim,size,track,dataset,metric,value,queries\n",
            r"scores\.csv: holds no scores",
        ),
    ],
)
def test_a_file_that_is_no_table_of_scores_is_refused(config, tmp_path, content, message):
    path = tmp_path / "scores.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_scores(path, config)
    path.unlink()
    with pytest.raises(InputError, match=r"no scores at .*scores\.csv"):
        read_scores(path, config)


def test_a_correlation_may_be_beyond_one_by_what_rounding_adds(written, config):
    scores = all_scores(config, (1,))
    config, paths = written([scores[0]._replace(value=1.0000000000000002), *scores[1:]])
    assert read_scores(paths.all_scores, config)["value"].max() > 1
