"""Licences that checkpoints state in their cards."""

import pytest

from starbench.stages.data.licence import licence_in, stated_licence


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags: [a]\n---\n# A model", "apache-2.0"),
        ("---\nlicense:\n- mit\n- cc-by-4.0\n---\n", "mit, cc-by-4.0"),
        ("---\ntags: [a]\n---\nlicense: mit", None),
        ("license: mit", None),
        ("", None),
        ("---\nlicense: [\n---\n", None),
        ("---\nlicense: 5\n---\n", None),
        ("---\n- license\n---\n", None),
        ("---\nlicense: ''\n---\n", None),
    ],
)
def test_the_licence_is_what_the_head_of_a_card_states(card, licence):
    assert stated_licence(card) == licence


def test_a_folder_without_a_card_states_none(tmp_path):
    assert licence_in(tmp_path) is None
    (tmp_path / "README.md").write_bytes(b"---\nlicense: mit\n---\n\xff")
    assert licence_in(tmp_path) == "mit"
