"""torch's fused AdamW makes the updates of fairseq's Adam."""

import pytest
import torch
from fairseq import optim
from fairseq.dataclass.configs import FairseqConfig
from omegaconf import OmegaConf
from torch import nn

from neuron_specialization.fairseq_plugin.optimiser import FusedAdamW

UPDATES = 20


def config(name: str, weight_decay: float = 0.1, epsilon: float = 1e-6) -> FairseqConfig:
    settings = OmegaConf.structured(FairseqConfig())
    settings.optimization.lr = [0.01]
    settings.optimizer = {
        "_name": name,
        "lr": [0.01],
        "adam_betas": "(0.9, 0.98)",
        "adam_eps": epsilon,
        "weight_decay": weight_decay,
        **({"use_old_adam": False, "fp16_adam_stats": False} if name == "adam" else {}),
    }
    return settings


def parameters(precision: torch.dtype = torch.float32) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [
        nn.Parameter(torch.randn(shape, generator=generator).to(precision))
        for shape in ((30, 20), (20,), (7, 3))
    ]


def update(optimiser: optim.FairseqOptimizer, given: list[nn.Parameter], scale: float = 1) -> None:
    """Make some updates, with gradients of very different sizes, clipped as in the trainer."""
    generator = torch.Generator().manual_seed(1)
    for number in range(UPDATES):
        optimiser.zero_grad()
        size = 10.0 ** -(number % 3)
        for each in given:
            gradient = size * torch.randn(each.shape, generator=generator)
            optimiser.backward((each * gradient.to(each.dtype)).sum())
        optimiser.multiply_grads(1 / scale)
        optimiser.clip_grad_norm(5.0)
        optimiser.step()


def updated(name: str, weight_decay: float = 0.1, epsilon: float = 1e-6) -> list[nn.Parameter]:
    given = parameters()
    optimiser = optim.build_optimizer(config(name, weight_decay, epsilon).optimizer, given)
    update(optimiser, given)
    return given


def test_updates_are_those_of_fairseqs_adam_weight_decay_included() -> None:
    fused, adam = updated("fused_adamw"), updated("adam")
    torch.testing.assert_close(fused, adam, rtol=0, atol=1e-5)
    assert not torch.allclose(fused[0], updated("fused_adamw", weight_decay=0.0)[0], atol=1e-3)
    assert not torch.allclose(fused[0], parameters()[0], atol=1e-2)


def test_epsilon_is_added_where_fairseq_adds_it() -> None:
    """Use a large epsilon; in the first updates the two places differ."""
    fused, adam = (updated(name, epsilon=0.1)[0] for name in ("fused_adamw", "adam"))
    torch.testing.assert_close(fused, adam, rtol=0, atol=1e-5)
    without = updated("fused_adamw", epsilon=1e-12)[0]
    assert not torch.allclose(fused, without, atol=1e-3)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_has_fp32_copies(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use fp16 in one flat tensor, as on a GPU; bf16 in many."""
    monkeypatch.setattr(torch.cuda, "current_device", lambda: None)  # the index of a CPU
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    results = []
    for name in ("adam", "fused_adamw"):
        settings = config(name)
        settings.common[precision] = True
        given = parameters(dtype)
        optimiser = optim.FP16Optimizer.build_optimizer(settings, given)
        assert optimiser.has_flat_params == (precision == "fp16")
        update(optimiser, given)
        copies = list(optimiser.fp32_optimizer.params)
        assert {each.dtype for each in copies} == {torch.float32}
        assert isinstance(optimiser.fp32_optimizer, FusedAdamW) == (name == "fused_adamw")
        results.append((copies, given))
    torch.testing.assert_close(results[1][0], results[0][0], rtol=0, atol=1e-5)
    torch.testing.assert_close(results[1][1], results[0][1], rtol=0, atol=2e-2)
