"""Parameter counts of the real modules: the paper's models, and a trained model."""

from pathlib import Path

import pytest

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.parameters import ModelSize, count_parameters
from neuron_specialization.settings.training import Adapters
from tests.trained_models import architecture

BIG = {"layers": 6, "d_model": 1024, "d_ff": 4096, "heads": 16}
SMALL = {"layers": 6, "d_model": 512, "d_ff": 1024, "heads": 8}


@pytest.mark.parametrize(
    ("sizes", "entries", "total"),
    [
        (BIG, 128_032, 438_571_008),  # mT-big: 439M in Table 6
        (BIG, 128_001, 438_507_520),  # bilingual-high, which has no language tags
        (SMALL, 30_010, 62_275_584),  # mT-small, the layout that the paper states
        (SMALL | {"layers": 3}, 30_010, 46_503_936),  # mT-shallow: 47M
        (SMALL | {"heads": 2}, 20_001, 52_026_368),  # bilingual-low: 52M
    ],
)
def test_models_of_the_paper(sizes: dict, entries: int, total: int) -> None:
    size = count_parameters(architecture(**sizes), [entries, entries])
    assert size == ModelSize(total=total, trainable=total)


@pytest.mark.parametrize(
    ("sizes", "bottleneck", "per_layer", "per_set"),
    [
        (SMALL, 128, 2, 3_185_664),
        (BIG, 128, 2, 6_368_256),
        (BIG, 512, 2, 25_251_840),
        (SMALL, 128, 1, 1_592_832),
        (BIG, 512, 1, 12_625_920),
    ],
)
def test_adapters_of_the_paper(sizes: dict, bottleneck: int, per_layer: int, per_set: int) -> None:
    sets = {"en-de": "en-Germanic", "en-nl": "en-Germanic", "de-en": "Germanic-en"}
    adapters = Adapters(sets=sets, bottleneck=bottleneck, per_layer=per_layer)
    base = count_parameters(architecture(**sizes), [1000, 1000])
    size = count_parameters(architecture(**sizes), [1000, 1000], adapters)
    assert size.trainable == 2 * per_set
    assert size.total == base.total + size.trainable


def test_a_trained_model_has_the_same_number(baseline: Path) -> None:
    model = read_checkpoint(baseline)["model"]
    entries = model["encoder.embed_tokens.weight"].size(0)
    names = [name for name in model if name != "decoder.output_projection.weight"]  # tied
    trained = sum(model[n].numel() for n in names if n.endswith(("weight", "bias")))
    assert count_parameters(architecture(), [entries, entries]).total == trained
