"""fairseq's own file of M2M-100, as a tiny model: old arguments, LayerDrop, a dictionary of codes.

The published file has a namespace `args` of `translation_multi_simple_epoch`, the dictionary
`model_dict.128k.txt` with pieces, `__af__` and so on, and fillers, and `spm.128k.model`.
"""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerModel
from fairseq.models.transformer.transformer_legacy import transformer_wmt_en_de_big

from neuron_specialization.corpora.builtin import evaluation_pairs
from neuron_specialization.corpora.existing_vocabulary import read_pieces, use_vocabulary
from neuron_specialization.corpora.huggingface_vocabulary import M2M100_CODES
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from tests.fairseq_plugin.huggingface import learn_pieces
from tests.trained_models import architecture, load_task

LANGUAGES = ("de", "en", "fr")
DIRECTIONS = ["en-de", "de-en", "en-fr", "fr-en"]
TEXT = {"de": "a1", "fr": "b1"}  # languages of the built-in corpus, under codes of M2M-100


@dataclass(frozen=True, kw_only=True)
class Published:
    """A model as fairseq published it."""

    checkpoint: Path
    dictionary: Path
    pieces: Path
    model: TransformerModel
    symbols: Dictionary


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("m2m100")
    pieces = learn_pieces(folder / "spm.128k.model", tuple(TEXT.values()))
    names = read_pieces(pieces)
    codes = [f"__{code}__" for code in M2M100_CODES.split()]
    names += [*codes, *(f"madeupword{number:04d}" for number in range(8))]
    dictionary = folder / "model_dict.128k.txt"
    dictionary.write_text("".join(f"{name} 1\n" for name in names), encoding="utf-8")
    symbols = Dictionary.load(str(dictionary))
    settings = Namespace(
        **{f"{stack}_layers": 3 for stack in ("encoder", "decoder")},
        **{f"{stack}_attention_heads": 2 for stack in ("encoder", "decoder")},
        **{f"{stack}_ffn_embed_dim": 32 for stack in ("encoder", "decoder")},
        **{f"{stack}_embed_dim": 16 for stack in ("encoder", "decoder")},
        **{f"{stack}_normalize_before": True for stack in ("encoder", "decoder")},
        **{f"{stack}_layerdrop": 0.05 for stack in ("encoder", "decoder")},
        **{"arch": "transformer_wmt_en_de_big", "share_all_embeddings": True},
        **{"max_source_positions": 1024, "max_target_positions": 1024, "dropout": 0.1},
        **{"task": "translation_multi_simple_epoch", "langs": M2M100_CODES.replace(" ", ",")},
        **{"lang_pairs": "en-de,de-en", "encoder_langtok": "src", "decoder_langtok": True},
        **{"lang_dict": None, "lang_tok_replacing_bos_eos": False, "langtoks_specs": "main"},
        **{"lang_tok_style": "multilingual", "langtoks": None, "source_lang": None},
    )
    transformer_wmt_en_de_big(settings)
    torch.manual_seed(1)
    task = Namespace(source_dictionary=symbols, target_dictionary=symbols)
    model = TransformerModel.build_model(settings, task).eval()
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    found = {"args": settings, "model": state, "optimizer_history": [{"num_updates": 7}]}
    torch.save({**found, "extra_state": {}}, folder / "418M_last_checkpoint.pt")
    return Published(
        checkpoint=folder / "418M_last_checkpoint.pt",
        dictionary=dictionary,
        pieces=pieces,
        model=model.eval(),
        symbols=symbols,
    )


def test_it_computes_here_what_it_computes_in_fairseq(published: Published, tmp_path: Path) -> None:
    vocabulary, data = tmp_path / "joint", tmp_path / "data"
    use_vocabulary(published.pieces, published.dictionary, LANGUAGES, vocabulary)
    assert (vocabulary / "dict.txt").read_text() == published.dictionary.read_text()
    (tmp_path / "text").mkdir()
    data.mkdir()
    for code, builtin in TEXT.items():
        pairs = evaluation_pairs(builtin, "valid", 5, seed=1)
        for side, lines in zip(("en", code), zip(*pairs, strict=True), strict=True):
            text = "".join(f"{line}\n" for line in lines)
            (tmp_path / "text" / f"valid.en-{code}.{side}").write_text(text)
    binarise_corpora(sorted((tmp_path / "text").iterdir()), vocabulary, data)
    import_checkpoint(
        published.checkpoint,
        architecture(layers=3, shared_embeddings=True),
        data=data,
        directions=DIRECTIONS,
        published=tmp_path / "imported.pt",
        dictionary=published.dictionary,
    )
    model, task = load_task(tmp_path / "imported.pt", data, directions=",".join(DIRECTIONS))
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    assert [task.source_dictionary[i] for i in range(len(published.symbols))] == (
        published.symbols.symbols
    )
    for index in range(len(dataset)):
        sample = dataset.collater([dataset[index]])
        source, target = DIRECTIONS[sample["direction"]].split("-")
        inputs = sample["net_input"]
        assert published.symbols[int(inputs["src_tokens"][0, 0])] == f"__{source}__"
        assert published.symbols[int(inputs["prev_output_tokens"][0, 1])] == f"__{target}__"
        with torch.no_grad():
            assert torch.equal(model(**inputs)[0], published.model(**inputs)[0])
    tensors = read_checkpoint(tmp_path / "imported.pt")["model"]
    places = {t.data_ptr() for name, t in tensors.items() if "embed_tokens" in name}
    assert len(places) == 1
