"""Checkpoints from elsewhere compute here what they computed there, or are refused."""

import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from torch import Tensor

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.checkpoints import file_hash, read_checkpoint
from neuron_specialization.fairseq_plugin.decoding import translate_split
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from neuron_specialization.fairseq_plugin.recording import RecordingSettings, record_activations
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles
from tests.fairseq_plugin import plain_fairseq
from tests.fairseq_plugin.external_checkpoints import (
    BILINGUAL_FLAGS,
    EMBEDDINGS,
    MEASURED,
    MULTILINGUAL_FLAGS,
    OUTPUT,
    THEIR_LANGUAGES,
    Edit,
    Plain,
    as_official,
    drop,
    edited,
    in_half,
    learn_positions,
    post_norm,
    read_foreign_state,
    run_plain,
    set_model,
    set_task,
    untie,
    with_numpy,
    with_old_arguments,
    with_sorted_languages,
)
from tests.trained_models import (
    DIRECTIONS,
    LANGUAGES,
    architecture,
    load_task,
    run_training,
)


@pytest.fixture(scope="module")
def plain(corpora: Path, vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """A multilingual model whose dictionary is padded, and has its tags in another order."""
    folder = tmp_path_factory.mktemp("plain")
    ours, theirs, dictionary = folder / "ours", folder / "theirs", folder / "dict.txt"
    lines = (vocabulary / "dict.txt").read_text(encoding="utf-8").splitlines()
    lines[-len(LANGUAGES) :] = ["madeupword0000 0", "madeupword0001 0"]
    dictionary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    use_vocabulary(vocabulary / "spm.model", dictionary, LANGUAGES, folder / "vocabulary")
    for path in (ours, theirs):
        path.mkdir()
    binarise_corpora(sorted(corpora.glob("*.en-*")), folder / "vocabulary", ours)
    for path in ours.glob("*.en-*"):
        (theirs / path.name).symlink_to(path)
    for language in LANGUAGES:
        (theirs / f"dict.{language}.txt").symlink_to(dictionary)
    return Plain(
        outputs=run_plain(folder, theirs, MEASURED, MULTILINGUAL_FLAGS),
        checkpoint=folder / "save/checkpoint_best.pt",
        data=ours,
        vocabulary=folder / "vocabulary",
        dictionary=dictionary,
    )


@pytest.fixture(scope="module")
def bilingual(pair_binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """A model of one direction, with two vocabularies and BLEU as its validation."""
    folder = tmp_path_factory.mktemp("bilingual")
    return Plain(
        outputs=run_plain(folder, pair_binarised, ["en-b1"], BILINGUAL_FLAGS),
        checkpoint=folder / "save/checkpoint_best.pt",
        data=pair_binarised,
    )


def run_import(plain: Plain, folder: Path, source: Path | None = None, **changes: Any) -> Path:
    """Import a checkpoint, with changes to the architecture or the arguments."""
    arguments = {"data": plain.data, "directions": DIRECTIONS, "dictionary": plain.dictionary}
    own = {
        name: changes.pop(name)
        for name in (*arguments, "language_tags", "trusted")
        if name in changes
    }
    folder.mkdir(exist_ok=True)
    published = folder / "imported.pt"
    import_checkpoint(
        source or plain.checkpoint,
        architecture(**changes),
        published=published,
        **(arguments | own),
    )
    return published


@pytest.fixture(scope="module")
def imported(plain: Plain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_import(plain, tmp_path_factory.mktemp("imported"))


def assert_same_tensors(path: Path, expected: dict[str, Tensor]) -> None:
    found = read_checkpoint(path)["model"]
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor), name


def outputs_here(checkpoint: Path, data: Path, direction: str) -> list[dict[str, Any]]:
    """What an imported model makes of the validation sentences of a direction, in order."""
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
    state = read_foreign_state(bilingual.checkpoint)
    assert any("numpy" in repr(type(v)) for v in bleu_counts(state).values())  # else it proves less
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
def test_other_forms_of_a_checkpoint_give_the_very_same_tensors(
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
    theirs, ours = read_foreign_state(plain.checkpoint)["model"], read_checkpoint(imported)["model"]
    for name in (*EMBEDDINGS, OUTPUT):
        assert torch.equal(ours[name][:-4], theirs[name][:-4])
        for i, language in enumerate(LANGUAGES):
            row = THEIR_LANGUAGES.index(language)
            assert torch.equal(ours[name][-4 + i], theirs[name][-4 + row])
    assert ours[OUTPUT].data_ptr() == ours[EMBEDDINGS[1]].data_ptr()  # in the file only once


def test_a_dictionary_with_tags_gets_no_others(plain: Plain, tmp_path: Path) -> None:
    assert plain.vocabulary is not None
    path = run_import(plain, tmp_path, dictionary=plain.vocabulary / "dict.txt")
    ours, theirs = read_checkpoint(path)["model"], read_foreign_state(plain.checkpoint)["model"]
    for name in (*EMBEDDINGS, OUTPUT):
        assert torch.equal(ours[name], theirs[name])


def test_the_order_of_tags_is_not_guessed(plain: Plain, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, set_task(langs=LANGUAGES))  # with or without tags, the same
    path = run_import(plain, tmp_path / "agreed", source, dictionary=None)
    ours, theirs = read_checkpoint(path)["model"], read_foreign_state(plain.checkpoint)["model"]
    assert torch.equal(ours[OUTPUT], theirs[OUTPUT])
    for langs, lang_dict in ((["en", "fr", "a1", "b1", "b2"], None), (None, "/a/list.txt")):
        source = edited(plain, tmp_path, set_task(langs=langs, lang_dict=lang_dict))
        message = f"tags are in the order of {lang_dict or ', '.join(langs)}, .* dictionary file"
        assert_refused(plain, tmp_path, message, source, dictionary=None)


def test_a_dataset_of_some_of_its_languages(plain: Plain, tmp_path: Path) -> None:
    assert plain.vocabulary is not None
    use_vocabulary(plain.vocabulary / "spm.model", plain.dictionary, ["a1", "en"], tmp_path / "few")
    path = run_import(plain, tmp_path, data=tmp_path / "few", directions=["en-a1"])
    theirs, ours = read_foreign_state(plain.checkpoint)["model"], read_checkpoint(path)["model"]
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
    differing = {
        name
        for name, value in vars(expected["cfg"]["model"]).items()
        if vars(found["cfg"]["model"])[name] != value
    }
    assert differing <= {"save_dir", "tensorboard_logdir"}
    assert found["extra_state"]["imported_from"]["sha256"] == file_hash(baseline)
    assert found["optimizer_history"][-1]["num_updates"] == 20


def test_activations_of_an_imported_model_are_those_of_the_model(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    own = Plain(checkpoint=baseline, outputs={}, data=binarised)
    official = run_import(own, tmp_path, edited(own, tmp_path, as_official))
    counts = [
        record_activations(
            checkpoint=checkpoint,
            data=binarised,
            directions=DIRECTIONS,
            settings=RecordingSettings(split="valid", max_tokens=400, count_padding=False),
            device="cpu",
        )
        for checkpoint in (baseline, official)
    ]
    assert counts[0].token_LNF.any()
    assert np.array_equal(counts[0].token_LNF, counts[1].token_LNF)
    assert np.array_equal(counts[0].sentence_LNF, counts[1].sentence_LNF)


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


def test_an_imported_model_translates_as_plain_fairseq_does(
    plain: Plain, imported: Path, tmp_path: Path
) -> None:
    assert plain.vocabulary is not None
    settings = DecodingSettings(beam=2, length_penalty=1, max_len_a=0, max_len_b=8, max_tokens=1)
    translate_split(
        checkpoint=imported,
        files=DirectionFiles(),
        data=plain.data,
        split="valid",
        vocabulary=plain.vocabulary,
        settings=settings,
        outputs={direction: tmp_path / direction for direction in MEASURED},
        device="cpu",
    )
    for direction in MEASURED:
        lines = (tmp_path / direction).read_text(encoding="utf-8").splitlines()
        expected = [
            "".join(output["hypothesis"][1:-1]).replace("▁", " ").strip()
            for output in plain.outputs[direction]
        ]
        assert lines == expected
        assert any(lines)


def assert_refused(
    plain: Plain, folder: Path, message: str, source: Path | None = None, **changes: Any
) -> None:
    target = folder / "target"
    with pytest.raises(InputError, match=message):
        run_import(plain, target, source, **changes)
    assert not list(target.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"layers": 3},
            r"42 tensors differ: encoder\.layers\.2\.self_attn\.k_proj\.weight is absent in the "
            r"checkpoint, \(16, 16\) in the architecture.* has layers 2 \+ 2, d_ff 32, d_model 16",
        ),
        ({"layers": 1}, r"encoder\.layers\.1\.\S+ is \(16, 16\) in the checkpoint, absent in the"),
        (
            {"d_model": 32},
            r"encoder\.embed_tokens\.weight is \(307, 16\) in the checkpoint, \(307, 32\) in the "
            r"architecture.* d_model 16; set them so",
        ),
        (
            {"d_ff": 64},
            r"fc1\.weight is \(32, 16\) in the checkpoint, \(64, 16\) in the arch.*d_ff",
        ),
        ({"heads": 4}, r"encoder_attention_heads is 2 in .*, 4 in the architecture; set its heads"),
        ({"dictionary": None}, r"its language tags are in the order of b2, b1, a1, en, those of"),
        ({"directions": ["en-a1", "a1-xx"]}, r"not trained on xx, but on b2, b1, a1, en"),
        ({"language_tags": False}, r"language tags \('src', 'tgt'\) .* here they are \(None, None"),
    ],
)
def test_what_does_not_fit_is_refused(
    plain: Plain, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert_refused(plain, tmp_path, f"checkpoint_best.pt: .*{message}", **changes)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_model(encoder_normalize_before=False), r"encoder_normalize_before is False in the"),
        (set_model(activation_fn="gelu"), r"activation_fn is gelu in .*, relu in the architecture"),
        (set_model(layernorm_embedding=True), r"layernorm_embedding is True in the checkpoint"),
        (set_model(decoder_learned_pos=True), r"decoder_learned_pos is True in the checkpoint"),
        (set_model(no_scale_embedding=True), r"no_scale_embedding is True in the checkpoint"),
        (set_task(langtoks={"main": ("tgt", None)}), r"trained with the language tags \('tgt', N"),
        (set_task(encoder_langtok="tgt", langtoks=None), r"trained with the language tags \('tgt'"),
        (set_task(lang_tok_replacing_bos_eos=True), r"in place of </s>"),
        (set_task(langs=["b2", "b1", "en"]), r"not trained on a1, but on b2, b1, en"),
        (set_task(langs=None, lang_dict="/a/b.txt"), r"has 307 rows, but the dictionary has 303"),
        (set_task(langs=[*THEIR_LANGUAGES, "fr"]), r"has 307 rows, but the dictionary has 308 ent"),
        (set_task(lang_tok_style="mbart"), r"has 307 rows, but the dictionary has 308 entries"),
        (lambda state: post_norm(state), r"4 tensors differ.* post-norm model"),
        (drop("decoder.layers.1.fc1.bias"), r"decoder\.layers\.1\.fc1\.bias is absent in the che"),
        (untie, r"decoder\.output_projection\.weight differ"),
        (learn_positions, r"encoder\.embed_positions\.weight is \(10, 16\) .*, absent in the arch"),
        (lambda state: state.update(model={}), r"not one of fairseq's transformer"),
        (lambda state: state.pop("model"), r"not a whole fairseq checkpoint .*KeyError\('model'\)"),
    ],
)
def test_other_models_are_refused(plain: Plain, tmp_path: Path, edit: Edit, message: str) -> None:
    source = edited(plain, tmp_path, edit)
    assert_refused(plain, tmp_path, rf"edited\.pt: .*{message}", source)


def test_another_vocabulary_is_refused(
    plain: Plain, binarised: Path, baseline: Path, tmp_path: Path
) -> None:
    message = r"encoder\.embed_tokens\.weight has 305 rows, but the dictionary has 307 entries"
    own = Plain(checkpoint=baseline, outputs={}, data=plain.data)
    assert_refused(own, tmp_path, message)
    # the dictionary that was given fits the checkpoint, but not the corpora
    assert plain.dictionary is not None
    lines = plain.dictionary.read_text(encoding="utf-8").replace("▁the 100", "other 100")
    (tmp_path / "other.txt").write_text(lines, encoding="utf-8")
    message = "its dictionary lacks 1 entries of the corpora's, such as ▁the; give"
    assert_refused(plain, tmp_path, message, dictionary=tmp_path / "other.txt")


class Unknown:
    """Something that a checkpoint might hold."""


class Harmful:
    """Something that runs a program when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


def test_classes_that_could_do_harm_are_not_read(plain: Plain, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, lambda state: state.update(odd=Unknown()))
    message = (
        r"edited\.pt: it holds a tests\.fairseq_plugin\.test_importing\.Unknown, .*"
        "trust_checkpoints: true.* `model` and `args`"
    )
    assert_refused(plain, tmp_path, message, source)
    harmful = Harmful(tmp_path / "harm")
    source = edited(plain, tmp_path, lambda state: state.update(odd=harmful))
    assert_refused(plain, tmp_path, r"edited\.pt: it holds a posix\.system", source)
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_that_is_trusted_is_read_all_the_same(plain: Plain, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, lambda state: state.update(odd=Unknown()))
    published = run_import(plain, tmp_path / "trusted", source, trusted=True)
    expected = read_checkpoint(run_import(plain, tmp_path / "plain"))["model"]
    for name, value in read_checkpoint(published)["model"].items():
        assert torch.equal(value, expected[name]), name


def test_damaged_and_missing_files_are_named(plain: Plain, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.pt"
    truncated.write_bytes(plain.checkpoint.read_bytes()[:5000])
    message = r"truncated\.pt: not a whole fairseq checkpoint \(5000 bytes"
    assert_refused(plain, tmp_path, message, truncated)
    assert_refused(plain, tmp_path, r"nothing\.pt: no such checkpoint", tmp_path / "nothing.pt")


def test_a_failed_write_leaves_nothing(
    plain: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(state: object, path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        run_import(plain, tmp_path / "target")
    assert not list((tmp_path / "target").iterdir())


def test_what_cannot_be_known_is_logged(
    baseline: Path, binarised: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = Plain(checkpoint=baseline, outputs={}, data=binarised)
    source = edited(own, tmp_path, lambda state: state["cfg"]["task"].update(masks="m"))
    run_import(own, tmp_path, source)
    assert "edited.pt does not name its languages" in caplog.text
    assert "edited.pt was trained with masks; it is imported without them" in caplog.text
