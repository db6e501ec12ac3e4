"""Checkpoints from elsewhere compute the same here as where they were trained."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import torch

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.fairseq_plugin.checkpoints import file_hash, read_checkpoint
from neuron_specialization.settings.training import DirectionFiles
from tests.fairseq_plugin import plain_fairseq
from tests.fairseq_plugin.external_checkpoints import (
    EMBEDDINGS,
    MEASURED,
    OUTPUT,
    THEIR_LANGUAGES,
    Edit,
    Plain,
    as_official,
    assert_refused,
    assert_same_tensors,
    edited,
    in_half,
    read_external_state,
    run_import,
    set_task,
    with_numpy,
    with_old_arguments,
    with_sorted_languages,
)
from tests.trained_models import LANGUAGES, draw_masks, load_task, run_training


def outputs_here(checkpoint: Path, data: Path, direction: str) -> list[dict[str, Any]]:
    """Return an imported model's outputs for the validation sentences of a direction, in order."""
    model, task = load_task(checkpoint, data, directions=direction)
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    samples = [dataset.collater([dataset[i]]) for i in range(len(dataset))]
    return [plain_fairseq.sentence_outputs(model, task, sample) for sample in samples]


def assert_same_outputs(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected) == 21
    for here, there in zip(found, expected, strict=True):
        for name in ("source", "target", "features", "hypothesis"):
            assert here[name] == there[name], name  # to the last bit
        # the softmax adds up the words in the order of the dictionary
        assert here["log_probs"] == pytest.approx(there["log_probs"], rel=1e-5)


@pytest.mark.parametrize("direction", MEASURED)
def test_computes_what_plain_fairseq_computes(plain: Plain, imported: Path, direction: str) -> None:
    expected = plain.outputs[direction]
    assert expected[0]["source"][0] == f"__{direction.split('-')[0]}__"
    assert expected[0]["hypothesis"][0] == f"__{direction.split('-')[1]}__"
    assert_same_outputs(outputs_here(imported, plain.data, direction), expected)


def test_a_bilingual_model_with_two_vocabularies(bilingual: Plain, tmp_path: Path) -> None:
    state = read_external_state(bilingual.checkpoint)
    assert any("numpy" in repr(type(v)) for v in bleu_counts(state).values())  # numpy is used
    path = run_import(bilingual, tmp_path, directions=["en-b1"], language_tags=False)
    found = outputs_here(path, bilingual.data, "en-b1")
    assert_same_outputs(found, bilingual.outputs["en-b1"])


def bleu_counts(state: dict[str, Any]) -> dict[str, Any]:
    meters = dict(state["extra_state"]["metrics"])["valid"]
    (counts,) = (meter for _, name, _, meter in meters if name == "_bleu_counts")
    return counts


@pytest.mark.parametrize(
    "edit",
    [
        as_official,
        lambda state: as_official(state, kept=OUTPUT),
        with_old_arguments,
        with_sorted_languages,
        with_numpy,
    ],
    ids=["official", "official-output", "args", "sorted", "numpy"],
)
def test_other_forms_of_a_checkpoint_give_identical_tensors(
    plain: Plain, imported: Path, tmp_path: Path, edit: Edit
) -> None:
    path = run_import(plain, tmp_path, edited(plain, tmp_path, edit))
    assert_same_tensors(path, read_checkpoint(imported)["model"])
    final = load_task(path, plain.data)[0]
    assert final.encoder.layer_norm is not None  # which fairseq drops without a version
    assert final.decoder.layer_norm is not None


def test_checkpoints_of_numpy_2_are_read(plain: Plain, imported: Path, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, with_numpy)
    with ZipFile(source) as old, ZipFile(tmp_path / "new.pt", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                assert b"numpy.core.multiarray\n" in content
                content = content.replace(b"numpy.core.multiarray\n", b"numpy._core.multiarray\n")
            new.writestr(name, content)
    path = run_import(plain, tmp_path, tmp_path / "new.pt")
    assert_same_tensors(path, read_checkpoint(imported)["model"])


def test_half_precision_becomes_single(plain: Plain, imported: Path, tmp_path: Path) -> None:
    def edit(state: dict[str, Any]) -> None:
        as_official(state)
        in_half(state)

    path = run_import(plain, tmp_path, edited(plain, tmp_path, edit))
    expected = read_checkpoint(imported)["model"]
    assert_same_tensors(path, {name: tensor.half().float() for name, tensor in expected.items()})


def test_rows_of_the_embeddings_follow_the_tokens(plain: Plain, imported: Path) -> None:
    theirs, ours = (
        read_external_state(plain.checkpoint)["model"],
        read_checkpoint(imported)["model"],
    )
    for name in (*EMBEDDINGS, OUTPUT):
        assert torch.equal(ours[name][:-4], theirs[name][:-4])
        for i, language in enumerate(LANGUAGES):
            row = THEIR_LANGUAGES.index(language)
            assert torch.equal(ours[name][-4 + i], theirs[name][-4 + row])
    assert ours[OUTPUT].data_ptr() == ours[EMBEDDINGS[1]].data_ptr()  # in the file only once


def test_a_dictionary_with_tags_gets_no_more(plain: Plain, tmp_path: Path) -> None:
    path = run_import(plain, tmp_path, dictionary=plain.vocabulary / "dict.txt")
    ours, theirs = read_checkpoint(path)["model"], read_external_state(plain.checkpoint)["model"]
    for name in (*EMBEDDINGS, OUTPUT):
        assert torch.equal(ours[name], theirs[name])


def test_the_order_of_tags_is_not_guessed(plain: Plain, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, set_task(langs=LANGUAGES))  # with or without tags, the same
    path = run_import(plain, tmp_path / "agreed", source, dictionary=None)
    ours, theirs = read_checkpoint(path)["model"], read_external_state(plain.checkpoint)["model"]
    assert torch.equal(ours[OUTPUT], theirs[OUTPUT])
    for langs, lang_dict in ((["en", "fr", "a1", "b1", "b2"], None), (None, "/a/list.txt")):
        source = edited(plain, tmp_path, set_task(langs=langs, lang_dict=lang_dict))
        message = f"tags are in the order of {lang_dict or ', '.join(langs)}, .* dictionary file"
        assert_refused(plain, tmp_path, message, source, dictionary=None)


def test_a_dataset_of_some_of_its_languages(plain: Plain, tmp_path: Path) -> None:
    use_vocabulary(plain.vocabulary / "spm.model", plain.dictionary, ["a1", "en"], tmp_path / "few")
    path = run_import(plain, tmp_path, data=tmp_path / "few", directions=["en-a1"])
    theirs, ours = read_external_state(plain.checkpoint)["model"], read_checkpoint(path)["model"]
    for name in EMBEDDINGS:
        assert torch.equal(ours[name], torch.cat([theirs[name][:-4], theirs[name][-2:]]))


def test_encoder_and_decoder_may_share_their_embedding(plain: Plain, tmp_path: Path) -> None:
    def edit(state: dict[str, Any]) -> None:
        del state["model"][EMBEDDINGS[1]], state["model"][OUTPUT]
        state["cfg"]["model"].share_all_embeddings = True

    path = run_import(plain, tmp_path, edited(plain, tmp_path, edit))
    model = read_checkpoint(path)["model"]
    assert torch.equal(model[EMBEDDINGS[0]], model[EMBEDDINGS[1]])
    assert torch.equal(model[EMBEDDINGS[0]], model[OUTPUT])


def test_an_own_checkpoint_is_imported_to_itself(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    own = Plain(checkpoint=baseline, outputs={}, data=binarised)
    path = run_import(own, tmp_path)
    found, expected = read_checkpoint(path), read_checkpoint(baseline)
    assert_same_tensors(path, expected["model"])
    assert found.keys() == expected.keys()
    assert found["cfg"].keys() == expected["cfg"].keys()
    assert found["cfg"]["task"] == expected["cfg"]["task"]
    assert vars(found["cfg"]["model"]) == vars(expected["cfg"]["model"])
    assert found["extra_state"]["imported_from"]["sha256"] == file_hash(baseline)
    assert found["optimizer_history"][-1]["num_updates"] == 20


def test_a_specialised_checkpoint_is_imported_to_itself_with_its_masks(
    baseline: Path, binarised: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    masks = draw_masks(tmp_path / "masks.npz")
    files = DirectionFiles(masks=masks)
    trained = run_training(binarised, tmp_path, parent=baseline, files=files, max_updates=10)
    own = Plain(checkpoint=trained, outputs={}, data=binarised)
    path = run_import(own, tmp_path / "import", edited(own, tmp_path, as_official), masks=masks)
    found, expected = read_checkpoint(path), read_checkpoint(trained)
    assert_same_tensors(path, expected["model"])
    assert found["cfg"]["task"] == expected["cfg"]["task"]
    assert found["cfg"]["task"]["masks"] == "masks.npz"
    assert "imported without" not in caplog.text


def test_training_continues_from_an_imported_model(
    plain: Plain, imported: Path, tmp_path: Path
) -> None:
    changes = {"learning_rate": 1e-9, "max_updates": 2, "validate_every": 2}
    published = run_training(plain.data, tmp_path, parent=imported, **changes)
    child, parent = read_checkpoint(published), read_checkpoint(imported)
    assert child["optimizer_history"][-1]["num_updates"] == 2
    for name, value in parent["model"].items():
        torch.testing.assert_close(child["model"][name], value, atol=1e-6, rtol=0)
    assert load_task(published, plain.data)[0].encoder.layer_norm is not None


def test_assumptions_are_logged(
    baseline: Path, binarised: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = Plain(checkpoint=baseline, outputs={}, data=binarised)
    source = edited(own, tmp_path, lambda state: state["cfg"]["task"].update(masks="m"))
    run_import(own, tmp_path, source)
    assert "edited.pt does not name its languages" in caplog.text
    assert "edited.pt was trained with masks; it is imported without them" in caplog.text
