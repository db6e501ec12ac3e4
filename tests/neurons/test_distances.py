"""Distances between languages, from a file and from the built-in corpus."""

from pathlib import Path

import numpy as np
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.distances import language_distances
from neuron_specialization.settings.languages import Language

LANGUAGES = {
    code: Language(code=code, name=code, family=code[0], script=script)
    for code, script in [("a1", "Latin"), ("a2", "Cyrillic"), ("b1", "Cyrillic"), ("c2", "Greek")]
}


def test_scripts_come_from_the_table_of_languages() -> None:
    found = language_distances("", LANGUAGES, ["a1", "a2", "b1"])
    assert list(found) == ["script"]
    assert found["script"].tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


def test_the_truth_about_the_built_in_corpus() -> None:
    found = language_distances("builtin", LANGUAGES, ["a1", "a2", "b1", "c2"])
    lexicon = found["lexicon"]
    assert lexicon[0, 1] < 0.2  # relatives
    assert lexicon[0, 2] == 1  # unrelated
    assert 0.6 < lexicon[0, 3] < 0.9  # c2 has borrowed from A
    assert found["word_order"].tolist()[0] == [0, 0, 1, 1]


def test_a_file_of_distances_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "distances.tsv"
    path.write_text(
        "b\tsyntax\ta\tsound\nb1\t0.5\ta1\t1\na1\t.25\ta2\t2\nb1\t1\ta2\t3\nx\t?\ty\t\n"
    )
    found = language_distances(str(path), LANGUAGES, ["a2", "a1", "b1"])
    assert list(found) == ["script", "syntax", "sound"]
    assert found["syntax"].tolist() == [[0, 0.25, 1], [0.25, 0, 0.5], [1, 0.5, 0]]
    assert (found["sound"] == found["sound"].T).all()
    assert not np.isnan(found["sound"]).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the header must be a, b and a name per kind"),
        ("a\tb\n", "the header must be a, b and a name per kind"),
        ("x\ty\tz\n1\t2\t3\n", "the header must be a, b and a name per kind"),
        ("a\tb\tsound\na1\ta2\tfar\n", "line 2, column sound: far is not a number"),
        ("a\tb\tsound\na1\ta2\n", "line 2, column sound: None is not a number"),
        ("a\tb\tsound\na1\ta2\t1\n", "no sound of a1 and b1"),
        ('a\tb\tsound\na1\ta2\t1\nx\t"y\t1\na1\tb1\t1\n', "no sound of a2 and b1"),
        ("a b sound\na1 a2 1\n", "line 1: has no tab; columns are separated by tabs"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "distances.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        language_distances(str(path), LANGUAGES, ["a1", "a2", "b1"])


def test_a_missing_file_names_the_setting() -> None:
    with pytest.raises(InputError, match=r"nowhere.tsv: no such file \(analysis.distances\)"):
        language_distances("nowhere.tsv", LANGUAGES, ["a1"])
