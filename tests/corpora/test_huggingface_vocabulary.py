"""Dictionaries of model folders: ids in order, with our tags in place of codes."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from neuron_specialization.corpora.huggingface_vocabulary import (
    M2M100_CODES,
    dictionary_tokens,
    language_codes,
    read_folder_vocabulary,
    tokenizer_files,
    use_folder_vocabulary,
)
from neuron_specialization.corpora.vocabulary import FAIRSEQ_TOKENS
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import load_dictionary
from neuron_specialization.settings.languages import Language
from tests.fairseq_plugin.huggingface import CODES, KINDS, Folder, make_model_folder


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind != "small100"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_model_folder(request.param, tmp_path_factory.mktemp(request.param) / "model")


@pytest.fixture
def nllb(tmp_path: Path) -> Folder:
    return make_model_folder("nllb", tmp_path / "model")


def test_tokens_are_in_the_order_of_the_real_tokenizer_s_ids(folder: Folder) -> None:
    tokenizer = folder.tokenizer()
    vocabulary = read_folder_vocabulary(folder.path)
    for number, token in enumerate(vocabulary.tokens):
        if token is not None:
            assert tokenizer.convert_tokens_to_ids(token) == number
    fillers = vocabulary.tokens.count(None)
    assert fillers == {"m2m100": 8, "mbart50": 0}.get(folder.kind, 2)
    assert vocabulary.tokens[len(vocabulary.tokens) - fillers :] == fillers * [None]
    assert len(vocabulary.tokens) == folder.model().config.vocab_size


def test_our_tags_stand_at_the_places_of_the_codes(folder: Folder, tmp_path: Path) -> None:
    use_folder_vocabulary(folder.path, folder.codes, tmp_path / "joint")
    dictionary = load_dictionary(tmp_path / "joint", "en")
    assert len(dictionary) == folder.model().config.vocab_size
    for ours in folder.codes:
        assert dictionary.index(f"__{ours}__") == folder.code_id(ours)
    # another language's code is no tag, which would seem to be of this dataset
    unused = {"m2m100": "<af>", "mbart50": "<ar_AR>"}.get(folder.kind, "<ace_Latn>")
    assert unused in dictionary
    assert sum(symbol.startswith("__") for symbol in dictionary.symbols) == len(folder.codes)
    pieces = (tmp_path / "joint/spm.model").read_bytes()
    assert pieces == (folder.path / "sentencepiece.bpe.model").read_bytes()


def test_the_pieces_of_a_folder_may_be_named_spm(nllb: Folder) -> None:
    expected = dictionary_tokens(nllb.path, nllb.codes)
    pieces = nllb.path / "sentencepiece.bpe.model"
    pieces.rename(nllb.path / "spm.model")
    assert dictionary_tokens(nllb.path, nllb.codes) == expected
    assert nllb.path / "spm.model" in tokenizer_files(nllb.path)


def state_elsewhere(folder: Path, name: str) -> None:
    """Let only one file state the codes and their ids, as older or faster tokenizers do."""
    config = json.loads((folder / "tokenizer_config.json").read_text())
    added = {
        int(number): token["content"] for number, token in config["added_tokens_decoder"].items()
    }
    config.pop("added_tokens_decoder")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    for other in ("added_tokens.json", "special_tokens_map.json"):
        (folder / other).unlink()
    content: dict[str, Any] = {
        "added_tokens.json": {token: number for number, token in added.items()},
        "tokenizer.json": {"added_tokens": [{"id": i, "content": t} for i, t in added.items()]},
        "special_tokens_map.json": {
            "additional_special_tokens": [t for i, t in added.items() if i > 3]
        },
    }
    (folder / name).write_text(json.dumps(content[name]))


@pytest.mark.parametrize("name", ["added_tokens.json", "tokenizer.json", "special_tokens_map.json"])
def test_codes_are_read_from_whichever_file_states_them(nllb: Folder, name: str) -> None:
    expected = read_folder_vocabulary(nllb.path)
    state_elsewhere(nllb.path, name)
    assert read_folder_vocabulary(nllb.path) == expected


def test_the_codes_of_m2m100_are_those_of_transformers() -> None:
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    assert M2M100_CODES.split() == FAIRSEQ_LANGUAGE_CODES["m2m100"]


def test_pieces_that_cannot_be_listed_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model_folder("m2m100", tmp_path / "model")
    ids = json.loads((folder.path / "vocab.json").read_text())
    names = {number: token for token, number in ids.items()}
    names |= {10: "line\nend", 12: "__de__"}  # the second is the name of our tag
    ids = {token: number for number, token in names.items()}
    (folder.path / "vocab.json").write_text(json.dumps(ids))
    codes = {**CODES["m2m100"], "de": "it"}
    with caplog.at_level(logging.WARNING):
        tokens = [*FAIRSEQ_TOKENS, *dictionary_tokens(folder.path, codes)]
    assert tokens[10] == "madeupword0010"
    assert tokens[12] == "madeupword0012"
    assert "2 of its pieces cannot be listed and are unknown" in caplog.text
    assert len(set(tokens)) == len(tokens)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ({"en": "eng_Latn", "xx": "xxx_Latn"}, r"no code xxx_Latn for the language xx; name a col"),
        ({"en": "eng_Latn", "us": "eng_Latn"}, r"the languages en and us both have the code eng_L"),
    ],
)
def test_languages_that_the_model_lacks_are_named(
    nllb: Folder, codes: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        dictionary_tokens(nllb.path, codes)


def test_a_tokenizer_of_another_model_is_refused(nllb: Folder, tmp_path: Path) -> None:
    path = nllb.path / "config.json"
    config = json.loads(path.read_text())
    for rows in (300, 900):
        path.write_text(json.dumps({**config, "vocab_size": rows}))
        with pytest.raises(InputError, match=rf"404 tokens, but .* embeddings have {rows} rows"):
            read_folder_vocabulary(nllb.path)
    other = make_model_folder("m2m100", tmp_path / "other")
    ids = {token: number for number, token in enumerate([*FAIRSEQ_TOKENS, "x", "y"])}
    (other.path / "vocab.json").write_text(json.dumps(ids))
    with pytest.raises(InputError, match=r"vocab.json: .* has 5 of the \d+ pieces of sentencepi"):
        read_folder_vocabulary(other.path)


def test_codes_that_no_file_states_are_missed(nllb: Folder) -> None:
    state_elsewhere(nllb.path, "special_tokens_map.json")
    (nllb.path / "special_tokens_map.json").write_text("{}")
    rewritten = json.loads((nllb.path / "tokenizer_config.json").read_text())
    rewritten["additional_special_tokens"] = []
    (nllb.path / "tokenizer_config.json").write_text(json.dumps(rewritten))
    with pytest.raises(InputError, match=r"no codes of languages in tokenizer_config\.json, "):
        read_folder_vocabulary(nllb.path)


def test_codes_are_cells_of_a_column_or_our_own() -> None:
    rows = [
        Language(code="de", name="", family="", script="", codes={"nllb": "deu_Latn"}),
        Language(code="nl", name="", family="", script="", codes={}),
    ]
    assert language_codes(rows, "") == {"de": "de", "nl": "nl"}
    assert language_codes(rows[:1], "nllb") == {"de": "deu_Latn"}
    with pytest.raises(InputError, match="no cell in the column nllb for nl"):
        language_codes(rows, "nllb")
