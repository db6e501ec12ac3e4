"""Tables of the configuration."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.settings.digests import settings_hash
from neuron_specialization.settings.languages import Language, all_directions, read_languages
from neuron_specialization.settings.systems import System

LANGUAGES = ["en", "de", "fr"]


HEAD = "code\tname\tfamily\tscript\tlevel\tmax_pairs\n"
ENGLISH = HEAD + "en\tEnglish\tGermanic\tLatin\t\t\n"


@pytest.fixture
def read(project: Path, tmp_path: Path) -> Callable[..., dict[str, Language]]:
    """Write a table of languages and read it."""

    def read_text(text: str, encoding: str = "utf-8") -> dict[str, Language]:
        table = tmp_path / "languages.tsv"
        table.write_text(text, encoding=encoding)
        return read_languages(table, project / "config/schemas/languages.schema.yaml", "en")

    return read_text


def test_shipped_languages_are_read(project: Path, read) -> None:
    languages = read((project / "config/languages.tsv").read_text())
    assert list(languages)[:2] == ["en", "a1"]
    assert languages["a1"].max_pairs == 20000
    assert languages["en"].level == ""


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("de\tGerman\tGermanic\tLatin\thuge\t", "line 3, column level: 'huge'"),
        ("de\tGerman\tGermanic\tLatin\thigh\tall", "line 3, column max_pairs: 'all'"),
        ("de\tGerman\tGermanic\t\thigh\t", "line 3: 'script' is a required property"),
        ("de\tGerman\tGermanic\tLatin\thigh\t0", "line 3, column max_pairs: 0 is less"),
        ("de\tGerman\tIndo, European\tLatin\thigh\t", "line 3, column family: 'Indo, .*commas"),
        ("zh-Hans\tChinese\tSinitic\tHans\t\t", "line 3, column code: 'zh-.*a hyphen.*zh_Hans"),
        ("zh__Hans\tChinese\tSinitic\tHans\t\t", "line 3, column code: .*single underscores"),
        ("\n\nde\tGerman\tGermanic\tLatin\thuge\t", "line 5, column level: 'huge'"),
        ("de\tGerman\tGermanic\tLatin\thigh\t9\tmore", "line 3: more cells than the header has"),
    ],
)
def test_bad_cells_name_file_line_and_column(read, row: str, message: str) -> None:
    with pytest.raises(InputError, match=f"languages.tsv, {message}"):
        read(f"{ENGLISH}{row}\n")


@pytest.mark.parametrize("code", ["deu", "cmn_Hans", "zho_Hans", "zh_Hans", "es_419", "EN", "b1"])
def test_codes_of_every_standard_are_allowed(read, code: str) -> None:
    assert read(f"{ENGLISH}{code}\tAny\tWest Germanic\tLatin\t\t\n")[code].family == "West Germanic"


def test_a_table_without_tabs_says_so(read) -> None:
    with pytest.raises(InputError, match=r"languages.tsv, line 1: has no tab; columns are separ"):
        read(ENGLISH.replace("\t", "    "))


def test_a_byte_order_mark_is_not_part_of_the_header(read) -> None:
    assert read(ENGLISH, encoding="utf-8-sig")["en"].codes == {}


def test_a_table_must_be_utf_8(read) -> None:
    with pytest.raises(InputError, match=r"languages\.tsv: not a text file in UTF-8 .*save it as"):
        read(ENGLISH.replace("Germanic", "Germ\u00e1nic"), encoding="latin-1")


@pytest.mark.parametrize("code", ["high", "med", "low", "avg", "kind", "system", "language"])
def test_a_language_code_must_not_be_a_column_of_tables(read, code: str) -> None:
    message = rf"languages\.tsv: the language Other has the code {code}, which is a column"
    with pytest.raises(InputError, match=message):
        read(f"{ENGLISH}{code}\tOther\tA\tLatin\t\t\n")


def test_additional_columns_are_names_in_other_corpora(read) -> None:
    header = "code\tname\tfamily\tscript\tntrex\tflores200\n"
    languages = read(f"{header}en\tEnglish\tGermanic\tLatin\teng-US\t\n")
    assert languages["en"].codes == {"ntrex": "eng-US"}


def test_directions_from_the_pivot_come_first() -> None:
    assert all_directions(LANGUAGES, "en") == ["en-de", "en-fr", "de-en", "fr-en"]
    assert all_directions(LANGUAGES, "fr") == ["fr-en", "fr-de", "en-fr", "de-fr"]


def test_the_settings_hash_ignores_only_locations_and_machines() -> None:
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


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("d\x00e\tGerman\tGermanic\tLatin\thigh\t", "line 3: has a control character"),
        ("de\tGer\x1bman\tGermanic\tLatin\thigh\t", "line 3: has a control character"),
        ("de\tGerman\tGermanic\tLatin\thigh\t\tmore", "line 3: more cells than the header"),
    ],
)
def test_control_characters_and_further_cells_are_refused(read, row: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(ENGLISH + row + "\n")


def test_quotes_and_long_cells_are_text(read) -> None:
    long = "x" * 200_000
    languages = read(ENGLISH + f'de\t"German\tA"b\t{long}\t\t\nfr\tFrench\tB\tLatin\t\t\n')
    assert languages["de"].name == '"German'
    assert languages["de"].script == long
    assert list(languages) == ["en", "de", "fr"]
