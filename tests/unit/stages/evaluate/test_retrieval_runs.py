"""TREC run files: whatever ids there are, ir_measures reads back what was written."""

import gzip
from urllib.parse import unquote

import ir_measures

from starbench.stages.evaluate.retrieval import write_run

PLAIN = ["d1", "<dbpedia:AC%2FDC>", "caf\u00e9", "a\u200bb", "\U0001f600", "50%"]
SPACED = ["d\u00a01", "100%\u3000\u2003sure", "%C2%A0\u00a0"]


def test_ids_with_white_space_are_escaped_and_others_are_as_they_are(tmp_path):
    path = tmp_path / "a.trec.gz"
    write_run(path, [("q\u00a01", [*PLAIN, *SPACED], [float(n) for n in range(9, 0, -1)])], "tag")
    found = list(ir_measures.read_trec_run(str(path)))
    assert [row.doc_id for row in found[: len(PLAIN)]] == PLAIN
    assert [unquote(row.doc_id) for row in found[len(PLAIN) :]] == SPACED
    assert {row.query_id for row in found} == {"q%C2%A01"}
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 9
