"""Label-smoothed cross-entropy without the logits of a whole batch.

fairseq holds logits, their log-softmax and the gradients of both for all tokens of a batch: with
128,000 pieces and 7,680 tokens, each takes 3.9 GB in fp32. This module computes the output
projection and the loss for a chunk of tokens at a time, and skips padding.

Axes: B sentences, T tokens of a sentence, N target tokens of a batch, C target tokens of a chunk,
D model width, V pieces of the vocabulary.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.methods.weight_masks import MaskedLinear


@dataclass
class ChunkedLossConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """Settings of the loss."""

    loss_chunk: int = field(default=1024, metadata={"help": "target tokens per chunk"})


@register_criterion("chunked_label_smoothed_cross_entropy", dataclass=ChunkedLossConfig)
class ChunkedLabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyCriterion):
    """fairseq's label-smoothed cross-entropy in chunks, with the same values and metric names."""

    def __init__(
        self,
        task: Any,
        sentence_avg: bool,
        label_smoothing: float,
        ignore_prefix_size: int = 0,
        report_accuracy: bool = False,
        loss_chunk: int = 1024,
    ):
        super().__init__(task, sentence_avg, label_smoothing, ignore_prefix_size, report_accuracy)
        self.loss_chunk = loss_chunk

    def forward(
        self, model: nn.Module, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """Return the loss of a batch, the number that divides its gradient, and the values to log.

        If losses per token or accuracy are requested, or the output projection is not a linear
        layer, fairseq computes them from all logits.
        """
        projection = output_projection(model)
        if projection is None or not reduce or self.ignore_prefix_size or self.report_accuracy:
            return super().forward(model, sample, reduce)
        features_BTD, _ = model(**sample["net_input"], features_only=True)
        real_BT = sample["target"] != self.padding_idx
        loss, nll_loss = chunked_loss(
            features_BTD[real_BT],
            projection.weight,
            sample["target"][real_BT],
            smoothing=self.eps,
            chunk=self.loss_chunk,
        )
        size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        logged = {
            "loss": loss.detach(),
            "nll_loss": nll_loss,
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": size,
        }
        return loss, size, logged


def output_projection(model: Any) -> nn.Linear | MaskedLinear | None:
    """Return the decoder's projection to the vocabulary if it only multiplies by a matrix."""
    decoder = model.decoder
    projection = decoder.output_projection
    plain = decoder.adaptive_softmax is None and type(projection) in (nn.Linear, MaskedLinear)
    return projection if plain and projection.bias is None else None


def chunked_loss(
    features_ND: Tensor, weight_VD: Tensor, target_N: Tensor, *, smoothing: float, chunk: int
) -> tuple[Tensor, Tensor]:
    """Return label-smoothed cross-entropy, with gradients, and cross-entropy, summed over tokens.

    Both are in fp32. `features_ND` is the decoder's output at each target token; no target is
    padding. `smoothing` is the share of the probability spread over all other pieces (Szegedy et
    al., 2016), as in fairseq; the logits of `chunk` tokens are held at a time.
    """
    arguments = features_ND, weight_VD, target_N, smoothing, chunk, torch.is_grad_enabled()
    loss, nll_loss = ChunkedLoss.apply(*arguments)
    return loss, nll_loss


class ChunkedLoss(torch.autograd.Function):
    """The loss, with gradients computed while the logits are in memory.

    The gradient of a sum of losses needs only values from the forward pass, so the projection is
    multiplied three times in all, as without chunks (recomputing logits would make it four).
    fp16 is the exception: gradients without the trainer's loss scale would underflow, and the
    scale is known only in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any,
        features_ND: Tensor,
        weight_VD: Tensor,
        target_N: Tensor,
        smoothing: float,
        chunk: int,
        learning: bool,
    ) -> tuple[Tensor, Tensor]:
        """Compute `chunked_loss`; `learning` states whether gradients may be requested."""
        ctx.settings = smoothing, chunk
        ctx.recompute = features_ND.dtype == torch.float16
        wanted = ctx.needs_input_grad[:2] if learning else (False, False)
        now = (False, False) if ctx.recompute else wanted
        sums, gradients = run_chunks(features_ND, weight_VD, target_N, smoothing, chunk, wanted=now)
        if ctx.recompute and learning:
            ctx.save_for_backward(features_ND, weight_VD, target_N)
        ctx.gradients = gradients
        ctx.mark_non_differentiable(sums[1])
        return sums[0], sums[1]

    @staticmethod
    def backward(ctx: Any, *scales: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of features and projection, multiplied by the loss's gradient."""
        scale = scales[0]
        if ctx.recompute:
            _, gradients = run_chunks(
                *ctx.saved_tensors, *ctx.settings, wanted=ctx.needs_input_grad[:2], scale=scale
            )
        else:
            gradients = [each if each is None else each.mul_(scale) for each in ctx.gradients]
            ctx.gradients = None
        return *gradients, None, None, None, None


def run_chunks(
    features_ND: Tensor,
    weight_VD: Tensor,
    target_N: Tensor,
    smoothing: float,
    chunk: int,
    *,
    wanted: tuple[bool, bool],
    scale: Tensor | None = None,
) -> tuple[tuple[Tensor, Tensor], list[Tensor | None]]:
    """Return loss and cross-entropy, and the `wanted` gradients of features and projection.

    The gradient of the projection is summed in fp32.
    """
    loss, nll_loss = (torch.zeros((), device=features_ND.device) for _ in range(2))
    gradient_ND = torch.empty_like(features_ND) if wanted[0] else None
    gradient_VD: Tensor | None = None
    for start in range(0, len(target_N), chunk):
        part = slice(start, start + chunk)
        features_CD, target_C1 = features_ND[part], target_N[part, None]
        logits_CV = functional.linear(features_CD, weight_VD)
        logprob_CV = functional.log_softmax(logits_CV, dim=-1, dtype=torch.float32)
        del logits_CV
        nll = -logprob_CV.gather(1, target_C1).sum()
        others = smoothing / (logprob_CV.size(1) - 1)
        nll_loss += nll
        loss += (1 - smoothing - others) * nll - others * logprob_CV.sum()
        if not any(wanted):
            continue
        slope_CV = logit_gradients(logprob_CV, target_C1, smoothing, others)
        slope_CV = (slope_CV if scale is None else slope_CV.mul_(scale)).to(weight_VD.dtype)
        if gradient_ND is not None:
            gradient_ND[part] = slope_CV @ weight_VD
        if wanted[1]:
            gradient_VD = add_product(gradient_VD, slope_CV.T, features_CD)
    if gradient_VD is not None:
        gradient_VD = gradient_VD.to(weight_VD.dtype)
    return (loss, nll_loss), [gradient_ND, gradient_VD]


def logit_gradients(
    logprob_CV: Tensor, target_C1: Tensor, smoothing: float, others: float
) -> Tensor:
    """Return the gradient of the loss with respect to the logits, in place of their log-softmax.

    The weights of the log-probabilities in the loss add up to 1, so it is the softmax minus them.
    """
    slope_CV = logprob_CV.exp_().sub_(others)
    target = torch.full_like(target_C1, smoothing + others - 1, dtype=slope_CV.dtype)
    return slope_CV.scatter_add_(1, target_C1, target)


def add_product(total: Tensor | None, left: Tensor, right: Tensor) -> Tensor:
    """Add a matrix product to an fp32 total; None starts a new total."""
    if total is None:
        return (left @ right).float()
    if left.dtype == total.dtype:
        return total.addmm_(left, right)
    return total.add_(left @ right)
