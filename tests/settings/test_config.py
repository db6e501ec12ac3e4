"""Tables of the configuration."""

from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.settings.digests import settings_hash
from neuron_specialization.settings.languages import Language, all_directions, read_languages
from neuron_specialization.settings.systems import System

LANGUAGES = ["en", "de", "fr"]


@pytest.fixture
def schemas(project: Path) -> Path:
    return project / "config/schemas"


def test_shipped_languages_are_read(project: Path, schemas: Path) -> None:
    languages = read_languages(
        project / "config/languages.tsv", schemas / "languages.schema.yaml", "en"
    )
    assert list(languages)[:2] == ["en", "a1"]
    assert languages["a1"].max_pairs == 20000
    assert languages["en"].level == ""


def test_bad_cells_name_file_line_and_column(tmp_path: Path, schemas: Path) -> None:
    table = tmp_path / "languages.tsv"
    head = "code\tname\tfamily\tscript\tlevel\tmax_pairs\n"
    schema = schemas / "languages.schema.yaml"
    for row, message in [
        ("de\tGerman\tGermanic\tLatin\thuge\t\n", "languages.tsv, line 2, column level: 'huge'"),
        ("de\tGerman\tGermanic\tLatin\thigh\tall\n", "line 2, column max_pairs: 'all'"),
        ("de\tGerman\tGermanic\t\thigh\t\n", "line 2: 'script' is a required property"),
        ("de\tGerman\tGermanic\tLatin\thigh\t0\n", "line 2, column max_pairs: 0 is less"),
        ("de\tGerman\tIndo, European\tLatin\thigh\t\n", "line 2, column family: 'Indo, "),
        ("\n\nde\tGerman\tGermanic\tLatin\thuge\t\n", "line 4, column level: 'huge'"),
    ]:
        table.write_text(head + row, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_languages(table, schema, "en")


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path, schemas: Path) -> None:
    table = tmp_path / "languages.tsv"
    text = "code\tname\tfamily\tscript\nen\tEnglish\tGermanic\tLatin\n"
    table.write_text(text, encoding="utf-8-sig")
    languages = read_languages(table, schemas / "languages.schema.yaml", "en")
    assert languages["en"].codes == {}


def test_a_table_must_be_utf_8(tmp_path: Path, schemas: Path) -> None:
    table = tmp_path / "languages.tsv"
    text = "code\tname\tfamily\tscript\nen\tEnglish\tGermánic\tLatin\n"
    table.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"languages\.tsv: not a text file in UTF-8 .*save it as"):
        read_languages(table, schemas / "languages.schema.yaml", "en")


@pytest.mark.parametrize("code", ["high", "med", "low", "avg", "kind", "system", "language"])
def test_no_language_has_the_code_of_another_column_of_tables(
    tmp_path: Path, schemas: Path, code: str
) -> None:
    table = tmp_path / "languages.tsv"
    rows = ["code\tname\tfamily\tscript", "en\tEnglish\tA\tLatin", f"{code}\tOther\tA\tLatin"]
    table.write_text("\n".join(rows), encoding="utf-8")
    message = rf"languages\.tsv: the language Other has the code {code}, which is a column"
    with pytest.raises(InputError, match=message):
        read_languages(table, schemas / "languages.schema.yaml", "en")


def test_directions_from_the_pivot_come_first() -> None:
    assert all_directions(LANGUAGES, "en") == ["en-de", "en-fr", "de-en", "fr-en"]
    assert all_directions(LANGUAGES, "fr") == ["fr-en", "fr-de", "en-fr", "de-fr"]


def test_further_columns_are_names_in_other_corpora(tmp_path: Path, schemas: Path) -> None:
    path = tmp_path / "languages.tsv"
    rows = [
        "code\tname\tfamily\tscript\tntrex\tflores200",
        "en\tEnglish\tGermanic\tLatin\teng-US\t",
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    languages = read_languages(path, schemas / "languages.schema.yaml", "en")
    assert languages["en"].codes == {"ntrex": "eng-US"}
    path.write_text("\n".join([*rows, "de\tGerman\tGermanic\tLatin\ta\tb\tc"]), encoding="utf-8")
    with pytest.raises(InputError, match=r"languages\.tsv, line 3"):
        read_languages(path, schemas / "languages.schema.yaml", "en")


def test_the_settings_hash_ignores_places_and_machines_and_nothing_else() -> None:
    language = Language(code="de", name="German", family="Germanic", script="Latin")

    def digits(folder: str = "a", seed: int = 1, gpus: int = 1, **changes: str) -> str:
        config = {"corpora": {"folder": folder}, "downloads": {"mirror": folder}, "seed": seed}
        config["gpus"] = gpus
        system = System(
            system="x", method="multilingual", directions=(), **({"label": "X"} | changes)
        )
        return settings_hash(config, {"de": language}, {"x": system})

    assert digits() == digits(folder="b") == digits(gpus=4)
    assert len({digits(), digits(seed=2), digits(label="Y")}) == 3
