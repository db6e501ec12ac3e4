"""Cross-attention by torch's scaled dot-product attention.

fairseq's self-attention ends there already: without weights asked for it calls
`F.multi_head_attention_forward`, which does. Its cross-attention says `static_kv`, even where
nothing is cached, and then computes all attention weights one operation after the other. Its
decoder asks for the weights of the last layer, and of all layers in evaluation, which nobody reads.

Axes: T target tokens, S source tokens, B sentences, D model width, H heads, E width of a head.
"""

from typing import Any

from fairseq.modules import MultiheadAttention
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.methods.weight_masks import MaskedLinear

NO_LAYER = -1


class FusedCrossAttention(MultiheadAttention):
    """fairseq's cross-attention, fused where a whole target is read and no weights are wanted."""

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
        """Attend from `query` [T, B, D] to `key` [S, B, D]; [T, B, D] and the weights, if wanted.

        `key_padding_mask`, [B, S], is True at padding. The weights of the projections are read by
        name, as fairseq does, so that those which LaSS masks are masked here.
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
    """Have the decoder of fairseq's transformer use fused cross-attention.

    Nothing is renamed in its state dict. The weights of attention are asked for no more where
    nobody reads them; with an `alignment_layer` the decoder still gives them.
    """
    for layer in model.decoder.layers:
        layer.encoder_attn.__class__ = FusedCrossAttention
        layer.need_attn = False
    model.decoder.register_forward_pre_hook(want_no_weights, with_kwargs=True)


def want_no_weights(
    _: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Ask the decoder for no layer's weights where the caller names none."""
    if options.get("alignment_layer") is None:
        options = {**options, "alignment_layer": NO_LAYER}
    return arguments, options
