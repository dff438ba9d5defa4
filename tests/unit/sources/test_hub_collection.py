"""Where the parts of a collection are: what is given, and what follows from the rest."""

import pytest
from pydantic import ValidationError

from starbench.sources.hub import HubSource
from starbench.sources.hub_collection import CollectionPart, Place

REPOSITORY, REVISION = "owner/things", "v1"
BEIR = {
    "passages": ("corpus", "corpus", {"id": "_id"}),
    "queries": ("queries", "queries", {"id": "_id"}),
    "qrels": (
        "default",
        "test",
        {"query": "query-id", "passage": "corpus-id", "relevance": "score"},
    ),
}


@pytest.mark.parametrize("part", BEIR)
def test_a_part_of_which_nothing_is_given_is_where_mteb_has_it(part):
    subset, split, columns = BEIR[part]
    expected = Place(REPOSITORY, REVISION, subset, split, (), columns, set())
    assert CollectionPart().place(part, REPOSITORY, REVISION) == expected


def test_a_part_with_a_name_of_its_own_does_not_have_the_revision_of_the_dataset():
    own = CollectionPart(name="other/place")
    assert own.has_own_revision
    assert own.place("qrels", REPOSITORY, REVISION).repository == "other/place"
    assert own.place("qrels", REPOSITORY, REVISION).revision is None
    pinned = CollectionPart(revision="v2")
    assert pinned.has_own_revision
    assert pinned.place("qrels", REPOSITORY, REVISION).repository == REPOSITORY
    assert pinned.place("qrels", REPOSITORY, REVISION).revision == "v2"
    assert not CollectionPart(split="dev").has_own_revision


def test_files_columns_subset_and_split_that_are_given_take_the_place_of_the_usual_ones():
    given = CollectionPart(data_files="a.tsv", columns={"id": "docid", "text": "body"})
    found = given.place("queries", REPOSITORY, REVISION)
    assert found.data_files == ("a.tsv",)
    assert found.columns == {"id": "docid", "text": "body"}
    assert found.given == set()
    listed = CollectionPart(data_files=["a.tsv", "b.tsv"]).place("qrels", REPOSITORY, REVISION)
    assert listed.data_files == ("a.tsv", "b.tsv")
    named = CollectionPart(subset="s", split="dev").place("passages", REPOSITORY, REVISION)
    assert (named.subset, named.split, named.given) == ("s", "dev", {"subset", "split"})


def test_only_parts_that_are_read_from_the_hub_are_pinned():
    source = HubSource.model_validate(
        {
            "kind": "collection",
            "source": "hub",
            "name": REPOSITORY,
            "corpus": "first",
            "queries": {"name": "other/place", "revision": "0" * 40},
            "qrels": {"ir_datasets": "some/qrels"},
        }
    )
    changed, commits = source.pinned()
    assert commits == {"queries.revision": "0" * 40}
    assert changed == source
    whole = source.model_copy(update={"revision": "1" * 40, "corpus": None})
    assert whole.pinned()[1] == {"revision": "1" * 40, "queries.revision": "0" * 40}


def test_a_folder_is_neither_pinned_nor_asked_for_a_revision(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.jsonl", "sub/a.jsonl", ".hidden", "sub/.hidden"):
        (tmp_path / name).write_text("{}")
    source = HubSource(kind="text", source="hub", name=str(tmp_path), data_files="*.jsonl")
    assert source.pinned() == (source, {})
    assert source.files(None) == [tmp_path / "b.jsonl", tmp_path / "sub" / "a.jsonl"]


def test_files_of_another_repository_need_a_revision():
    value = {"kind": "collection", "source": "hub", "name": REPOSITORY, "revision": REVISION}
    part = {"name": "other/place", "data_files": "a.tsv"}
    with pytest.raises(ValidationError, match="'data_files' needs a 'revision'"):
        HubSource.model_validate(value | {"passages": part})


def test_passages_of_another_collection_are_not_given_again():
    value = {"kind": "collection", "source": "hub", "name": REPOSITORY, "revision": REVISION}
    with pytest.raises(ValidationError, match="'passages': they are those of the collection in"):
        HubSource.model_validate(value | {"corpus": "first", "passages": {"split": "x"}})
