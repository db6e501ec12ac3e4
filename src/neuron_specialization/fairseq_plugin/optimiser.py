"""torch's fused AdamW as a fairseq optimiser."""

import ast
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer, register_optimizer
from omegaconf import II
from torch import nn


@dataclass
class FusedAdamWConfig(FairseqDataclass):
    """Settings of the optimiser, named as for fairseq's Adam."""

    adam_betas: str = field(default="(0.9, 0.999)", metadata={"help": "decay rates"})
    adam_eps: float = field(default=1e-8, metadata={"help": "epsilon"})
    weight_decay: float = field(default=0.0, metadata={"help": "weight decay, decoupled"})
    lr: list[float] = field(default=II("optimization.lr"))


@register_optimizer("fused_adamw", dataclass=FusedAdamWConfig)
class FusedAdamW(FairseqOptimizer):
    """The updates of fairseq's Adam, in one call for all parameters instead of a loop over them.

    Both decay weights separately from the gradient (Loshchilov and Hutter, 2019). torch adds
    epsilon to the root of the bias-corrected second moment, fairseq to the root of the raw one (the
    second form in section 2 of Kingma and Ba, 2015), where it weighs more in the first updates. So
    torch gets an epsilon divided by the root of the correction. With half precision the parameters
    are fairseq's fp32 copies, as for Adam.
    """

    def __init__(self, cfg: FusedAdamWConfig, params: Iterable[nn.Parameter]):
        super().__init__(cfg)
        self._optimizer = torch.optim.AdamW(params, fused=True, **self.optimizer_config)
        self.updates = 0

    @property
    def optimizer_config(self) -> dict[str, Any]:
        """Settings that replace a checkpoint's when a run resumes."""
        return {
            "lr": self.cfg.lr[0],
            "betas": ast.literal_eval(self.cfg.adam_betas),
            "eps": self.cfg.adam_eps,
            "weight_decay": self.cfg.weight_decay,
        }

    def load_state_dict(
        self, state_dict: dict[str, Any], optimizer_overrides: dict[str, Any] | None = None
    ) -> None:
        """Resume from a checkpoint's moments and updates; `optimizer_overrides` are settings."""
        super().load_state_dict(state_dict, optimizer_overrides)
        steps = [int(each["step"]) for each in self.optimizer.state.values()]
        self.updates = max(steps, default=0)

    def step(
        self, closure: Callable[[], Any] | None = None, scale: float = 1.0, groups: Any = None
    ) -> None:
        """Make an update."""
        self.updates += 1
        for group in self.param_groups:
            correction = 1 - group["betas"][1] ** self.updates
            group["eps"] = self.cfg.adam_eps / math.sqrt(correction)
        super().step(closure, scale, groups)

    @property
    def supports_flat_params(self) -> bool:
        """True: all parameters may come as one tensor, as in fairseq's fp16."""
        return True
