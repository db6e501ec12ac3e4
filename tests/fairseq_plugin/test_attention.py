"""Cross-attention by torch gives the same results as fairseq's."""

from pathlib import Path

import pytest
import torch
from fairseq.modules import FairseqDropout

from neuron_specialization.fairseq_plugin.attention import FusedCrossAttention
from tests.trained_models import first_batches, load_task, loss_of

LAYERS = 2


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list of the projections that fused attention makes."""
    found: list[object] = []
    original = FusedCrossAttention.split

    def split(self: FusedCrossAttention, projection: torch.nn.Module, x: torch.Tensor) -> object:
        found.append(projection)
        return original(self, projection, x)

    monkeypatch.setattr(FusedCrossAttention, "split", split)
    return found


def drop(model: torch.nn.Module, p: float) -> None:
    for module in model.modules():
        if isinstance(module, FairseqDropout):
            module.p = p


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("method", ["multilingual", "lass"])
def test_outputs_and_gradients_are_fairseqs(
    learned: Path,
    binarised: Path,
    weight_masks: Path,
    method: str,
    training: bool,
    calls: list[object],
) -> None:
    files = {"weight_masks": str(weight_masks)} if method == "lass" else {}
    model, task = load_task(learned, binarised, **files)
    fused, fused_task = load_task(learned, binarised, attention="sdpa", **files)
    assert list(fused.state_dict()) == list(model.state_dict())
    for each in (model, fused):
        drop(each, 0.0)
        each.train(training)
    padded = 0
    for sample in first_batches(task):
        padded += int((sample["net_input"]["src_tokens"] == task.source_dictionary.pad()).sum())
        results = []
        for each, its_task in ((model, task), (fused, fused_task)):
            each.zero_grad()
            loss = loss_of(its_task, each, sample)
            loss.backward()
            gradients = {name: value.grad for name, value in each.named_parameters()}
            output = each(**sample["net_input"])[0]
            results.append((output, loss / 100, gradients))
        torch.testing.assert_close(results[1], results[0], rtol=1e-5, atol=1e-5)
    assert padded
    # three projections in each layer, of the loss and of the output, for every batch
    assert len(calls) == 3 * LAYERS * 2 * len(task.directions)


def test_dropout_is_active_only_in_training(learned: Path, binarised: Path) -> None:
    model, _ = load_task(learned, binarised, attention="sdpa")
    attention = model.decoder.layers[0].encoder_attn
    attention.dropout_module.p = 0.3
    torch.manual_seed(0)
    query, key = torch.randn(4, 3, 16), torch.randn(6, 3, 16)

    def attend() -> torch.Tensor:
        with torch.no_grad():
            return attention(query, key, key, need_weights=False, static_kv=True)[0]

    whole = attend()
    assert torch.equal(whole, attend())
    attention.train()
    assert not torch.allclose(attend(), whole, atol=1e-2)
    mean = torch.stack([attend() for _ in range(4000)]).mean(0)
    torch.testing.assert_close(mean, whole, rtol=0, atol=0.03 * whole.abs().max().item())


def test_decoding_and_alignments_are_fairseqs_own(
    learned: Path, binarised: Path, calls: list[object]
) -> None:
    model, task = load_task(learned, binarised)
    fused, _ = load_task(learned, binarised, attention="sdpa")
    sample = first_batches(task)[0]["net_input"]
    results = []
    for each in (model, fused):
        with torch.no_grad():
            encoded = each.encoder(sample["src_tokens"], sample["src_lengths"])
            state: dict = {}
            steps = [
                each.decoder(sample["prev_output_tokens"][:, :n], encoded, state)[0]
                for n in range(1, 5)
            ]
            aligned = each(**sample, alignment_layer=0)[1]["attn"][0]
        results.append((steps, aligned))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    assert len(calls) == 3  # the layer whose weights are not requested
