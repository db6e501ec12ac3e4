"""Cross-attention by torch's scaled dot-product attention.

fairseq's self-attention already uses it: unless weights are requested, it calls
`F.multi_head_attention_forward`, which does. Its cross-attention passes `static_kv` even if
nothing is cached, and then computes all attention weights one operation after the other. Its
decoder requests the last layer's weights, and in evaluation all layers', which nobody reads.

Axes: T target tokens, S source tokens, B sentences, D model width, H heads, E width of a head.
"""

from typing import Any

from fairseq.modules import MultiheadAttention
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.methods.weight_masks import MaskedLinear

NO_LAYER = -1


class FusedCrossAttention(MultiheadAttention):
    """fairseq's cross-attention, fused if a whole target is read and no weights are requested."""

    def forward(
        self,
        query: Tensor,
        key: Tensor | None,
        value: Tensor | None,
        key_padding_mask: Tensor | None = None,
        incremental_state: dict[str, dict[str, Tensor | None]] | None = None,
        attn_mask: Tensor | None = None,
        **options: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from `query` [T, B, D] to `key` [S, B, D]; return [T, B, D] and any weights.

        `key_padding_mask`, [B, S], is True at padding. The weights of the projections are read by
        name, as in fairseq, so that the masks of LaSS apply here too.
        """
        wanted = {"need_weights": True, **options, "static_kv": False}
        if (
            key is None
            or incremental_state is not None
            or attn_mask is not None
            or any(wanted.values())
        ):
            return super().forward(
                query,
                key,
                value,
                key_padding_mask,
                incremental_state,
                attn_mask=attn_mask,
                **options,
            )
        dropout = self.dropout_module
        attended_BHTE = functional.scaled_dot_product_attention(
            self.split(self.q_proj, query),
            self.split(self.k_proj, key),
            self.split(self.v_proj, key),
            attn_mask=None if key_padding_mask is None else ~key_padding_mask.bool()[:, None, None],
            dropout_p=dropout.p if self.training or dropout.apply_during_inference else 0.0,
            scale=self.scaling,
        )
        return self.out_proj(attended_BHTE.permute(2, 0, 1, 3).reshape(query.shape)), None

    def split(self, projection: nn.Linear | MaskedLinear, x: Tensor) -> Tensor:
        """Project and split into heads: [T, B, D] to [B, H, T, E]."""
        projected = functional.linear(x, projection.weight, projection.bias)
        return projected.unflatten(-1, (self.num_heads, self.head_dim)).permute(1, 2, 0, 3)


def fuse_cross_attention(model: Any) -> None:
    """Make the decoder of fairseq's transformer use fused cross-attention.

    The names in its state dict stay the same. Attention weights that nobody reads are no longer
    requested; with an `alignment_layer` the decoder still returns them.
    """
    for layer in model.decoder.layers:
        layer.encoder_attn.__class__ = FusedCrossAttention
        layer.need_attn = False
    model.decoder.register_forward_pre_hook(want_no_weights, with_kwargs=True)


def want_no_weights(
    _: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Request no layer's attention weights unless the caller names a layer."""
    if options.get("alignment_layer") is None:
        options = {**options, "alignment_layer": NO_LAYER}
    return arguments, options
