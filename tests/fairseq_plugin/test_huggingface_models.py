"""Models of Hugging Face compute here what they compute in transformers."""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.decoding import decode
from neuron_specialization.fairseq_plugin.recording import RecordingSettings, record_activations
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.settings.decoding import DecodingSettings
from tests.fairseq_plugin.huggingface import (
    DIRECTIONS,
    KINDS,
    SENTENCES,
    Imported,
    import_folder,
    make_model_folder,
)
from tests.trained_models import load_task

END, LONGEST = 2, 40


@pytest.fixture(scope="module", params=KINDS)
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    work = tmp_path_factory.mktemp(request.param)
    return import_folder(make_model_folder(request.param, work / "model"), work)


def their_ids(imported: Imported, direction: str, source: str, target: str) -> tuple[Tensor, ...]:
    """Return transformers' ids of a sentence pair: the source, and the target's tag and pieces."""
    ours, theirs = direction.split("-")
    tokenizer = imported.folder.tokenizer(ours, theirs)
    source_T = tokenizer(source, return_tensors="pt").input_ids
    ids = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(target))
    return source_T, torch.tensor([[imported.folder.code_id(theirs), *ids, END]])


def test_ids_are_those_of_the_real_tokenizer(imported: Imported) -> None:
    _, task = load_task(imported.checkpoint, imported.data)
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    legacy = imported.folder.kind == "nllb_legacy"
    for direction, start in zip(DIRECTIONS, dataset.starts, strict=False):
        tag = imported.folder.code_id(direction.split("-")[0])
        for n, (source, target) in enumerate(imported.lines(direction)):
            source_T, target_T = their_ids(imported, direction, source, target)
            sample = dataset[int(start) + n]
            assert sample["source"].tolist() == source_T[0].tolist()
            assert sample["target"].tolist() == target_T[0].tolist()
            ends = sample["source"][[0, -2, -1]].tolist()
            assert ends[1:] == [END, tag] if legacy else (ends[0], ends[2]) == (tag, END)


def test_logits_are_those_of_transformers(imported: Imported) -> None:
    model, task = load_task(imported.checkpoint, imported.data)
    theirs = imported.folder.model()
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    for index in range(len(dataset)):
        inputs = dataset.collater([dataset[index]])["net_input"]
        with torch.no_grad():
            logits_BTV = model(**inputs)[0]
            expected_BTV = theirs(
                input_ids=inputs["src_tokens"], decoder_input_ids=inputs["prev_output_tokens"]
            ).logits
        assert logits_BTV.shape == expected_BTV.shape
        assert (logits_BTV - expected_BTV).abs().max() < 1e-5


def test_the_embedding_stays_one_tensor(imported: Imported) -> None:
    tensors = read_checkpoint(imported.checkpoint)["model"]
    names = [f"{stack}.embed_tokens.weight" for stack in ("encoder", "decoder")]
    places = {tensors[name].data_ptr() for name in (*names, "decoder.output_projection.weight")}
    assert len(places) == 1
    model, _ = load_task(imported.checkpoint, imported.data)
    theirs = imported.folder.model()
    count = sum(parameter.numel() for parameter in model.parameters())
    # theirs counts no parameter of sinusoidal positions either
    assert count == sum(parameter.numel() for parameter in theirs.parameters())


def count_in_transformers(imported: Imported) -> tuple[dict[Any, Tensor], dict[Any, Tensor]]:
    """Return counts per sentence and per token, by direction and layer, of transformers' model."""
    model = imported.folder.model()
    sentences: dict[Any, Any] = defaultdict(int)
    tokens: dict[Any, Any] = defaultdict(int)
    seen: dict[str, Tensor] = {}

    def note(name: str, _: Any, inputs: tuple[Tensor]) -> None:
        seen[name] = inputs[0][0] > 0

    for stack in ("encoder", "decoder"):
        for i, layer in enumerate(getattr(model.model, stack).layers):
            layer.fc2.register_forward_pre_hook(partial(note, f"{stack}.layers.{i}"))
    for direction in DIRECTIONS:
        for source, target in imported.lines(direction):
            source_T, target_T = their_ids(imported, direction, source, target)
            shifted_T = torch.cat([torch.tensor([[END]]), target_T[:, :-1]], dim=1)
            with torch.no_grad():
                model(input_ids=source_T, decoder_input_ids=shifted_T)
            for name, active_TF in seen.items():
                sentences[direction, name] = sentences[direction, name] + active_TF.any(0).long()
                tokens[direction, name] = tokens[direction, name] + active_TF.sum(0)
    return sentences, tokens


def test_counts_are_those_of_a_hook_on_transformers_model(imported: Imported) -> None:
    counts = record_activations(
        checkpoint=imported.checkpoint,
        data=imported.data,
        directions=DIRECTIONS,
        settings=RecordingSettings(split="valid", max_tokens=200),
        device="cpu",
    )
    sentences, tokens = count_in_transformers(imported)
    assert len(sentences) == len(DIRECTIONS) * len(counts.layers)
    for i, direction in enumerate(DIRECTIONS):
        for n, name in enumerate(counts.layers):
            expected = sentences[direction, name].tolist(), tokens[direction, name].tolist()
            width = len(expected[0])
            assert counts.sentence_LNF[i, n, :width].tolist() == expected[0]
            assert counts.token_LNF[i, n, :width].tolist() == expected[1]
            assert not counts.token_LNF[i, n, width:].any()
            assert not counts.sentence_LNF[i, n, width:].any()
    unlike = imported.folder.kind == "small100"
    assert (counts.widths_N is not None) == unlike
    if counts.widths_N is not None:
        assert counts.widths_N.tolist() == [24, 24, 24, 40]


@pytest.mark.parametrize("beam", [1, 5])
def test_hypotheses_are_those_of_generate(imported: Imported, beam: int) -> None:
    """Without normalisation by length: transformers scores the forced tag 0, fairseq its own.

    Beam search is compared where hypotheses end before the limit, at which fairseq adds the score
    of `</s>` and transformers does not; the words of greedy search up to there are the same.
    """
    settings = DecodingSettings(
        beam=beam, length_penalty=0.0, max_len_a=0, max_len_b=LONGEST, max_tokens=400
    )
    model, task = load_task(imported.checkpoint, imported.data)
    task.load_dataset("valid")
    found = decode(model, task, "valid", settings, "cpu")
    theirs, compared = imported.folder.model(), []
    for direction, start in zip(DIRECTIONS, task.dataset("valid").starts, strict=False):
        for n, pair in enumerate(imported.lines(direction)):
            source_T, _ = their_ids(imported, direction, *pair)
            tag = imported.folder.code_id(direction.split("-")[1])
            expected, hypothesis = generate(theirs, source_T, tag, beam), found[int(start) + n]
            if expected[-1] == END:
                assert hypothesis == expected
                compared.append(hypothesis)
            elif beam == 1:
                assert hypothesis[: len(expected)] == expected
                compared.append(hypothesis)
    assert len(compared) > len(found) / 3
    assert len({*map(tuple, compared)}) > len(DIRECTIONS)  # not the same in each direction


def generate(model: Any, source_T: Tensor, tag: int, beam: int) -> list[int]:
    """Return transformers' hypothesis of a sentence, without the first `</s>`."""
    found = model.generate(
        source_T,
        forced_bos_token_id=tag,
        num_beams=beam,
        length_penalty=0.0,
        early_stopping=beam > 1,
        do_sample=False,
        max_length=LONGEST + 1,
        forced_eos_token_id=None,
    )
    tokens: list[int] = found[0, 1:].tolist()
    return tokens


@pytest.mark.parametrize("form", ["compact", "reference"])
def test_masks_do_what_zeroed_rows_of_fc1_do(imported: Imported, tmp_path: Path, form: str) -> None:
    """In every class of models, in layers of unlike widths too."""
    counts = record_activations(
        checkpoint=imported.checkpoint,
        data=imported.data,
        directions=DIRECTIONS[:2],
        settings=RecordingSettings(split="valid"),
        device="cpu",
    )
    masks = select_all(counts, k=60, counting="token")
    masks.save(tmp_path / "masks.npz")
    overrides = {"masks": str(tmp_path / "masks.npz"), "subnetwork_form": form}
    model, task = load_task(
        imported.checkpoint, imported.data, directions=",".join(DIRECTIONS[:2]), **overrides
    )
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    for index in (0, SENTENCES):
        sample = dataset.collater([dataset[index]])
        theirs = imported.folder.model()
        for n, name in enumerate(masks.layers):
            stack, _, i = name.split(".")
            layer = getattr(theirs.model, stack).layers[int(i)]
            mask_F = masks.mask_LNF[sample["direction"], n, : masks.width_N[n]]
            assert 0 < mask_F.sum() < len(mask_F)
            layer.fc1.weight.data[~torch.from_numpy(mask_F)] = 0
        task.direction_state.direction = sample["direction"]
        inputs = sample["net_input"]
        with torch.no_grad():
            found_BTV = model(**inputs)[0]
            expected_BTV = theirs(
                input_ids=inputs["src_tokens"], decoder_input_ids=inputs["prev_output_tokens"]
            ).logits
        assert (found_BTV - expected_BTV).abs().max() < 1e-5


def test_a_checkpoint_states_where_it_comes_from(imported: Imported) -> None:
    origin = read_checkpoint(imported.checkpoint)["extra_state"]["imported_from"]
    assert origin["file"] == "model"
    assert len(origin["sha256"]) == 16


def test_sentences_longer_than_learned_positions_are_named(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    work = tmp_path_factory.mktemp("short")
    folder = make_model_folder("mbart50", work / "model", max_position_embeddings=12)
    short = import_folder(folder, work)
    settings = RecordingSettings(split="valid")
    with pytest.raises(
        InputError, match=r"a sentence has \d\d tokens, but the model has 12 learned"
    ):
        record_activations(
            checkpoint=short.checkpoint,
            data=short.data,
            directions=DIRECTIONS,
            settings=settings,
            device="cpu",
        )
