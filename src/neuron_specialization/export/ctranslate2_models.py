"""CTranslate2 models of fairseq's transformer, whose layers may differ in FFN width.

CTranslate2's converter builds the model from a fairseq checkpoint, and accepts only a list of
architectures; this module uses its functions that read a built model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ctranslate2.converters import fairseq as converter
from ctranslate2.specs.common_spec import Activation
from ctranslate2.specs.transformer_spec import TransformerSpec
from fairseq.data import Dictionary
from fairseq.modules.sinusoidal_positional_embedding import SinusoidalPositionalEmbedding
from torch import Tensor, nn

from neuron_specialization.export.slicing import ffn_widths, pad_state
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
)
from neuron_specialization.fairseq_plugin.methods import OUTPUT_PROJECTION, ffn_layers

PAD = "<blank>"  # CTranslate2's name for padding


@torch.no_grad()
def prepare_model(model: Any, tensors: Mapping[str, Tensor], positions: int) -> None:
    """Install the FFNs and embeddings of a state dict in a built model, and extend its positions.

    A layer without neurons gets one that emits 0: CTranslate2 has no empty layers. A source or
    hypothesis may then have `positions` tokens, unless positions are learned.
    """
    model.requires_grad_(False)
    for layer, name in (
        (model.encoder.embed_tokens, ENCODER_EMBEDDING),
        (model.decoder.embed_tokens, DECODER_EMBEDDING),
        (model.decoder.output_projection, OUTPUT_PROJECTION),
    ):
        layer.weight = nn.Parameter(tensors[name], requires_grad=False)
    widths = {name: max(1, width) for name, width in ffn_widths(tensors).items()}
    padded = pad_state(tensors, widths)
    for name, layer in ffn_layers(model).items():
        for part in ("fc1", "fc2"):
            weight, bias = padded[f"{name}.{part}.weight"], padded[f"{name}.{part}.bias"]
            setattr(layer, part, make_linear(weight, bias))
    for stack in (model.encoder, model.decoder):
        table = stack.embed_positions
        if not isinstance(table, SinusoidalPositionalEmbedding):
            continue
        first = table.padding_idx + 1
        table.weights = SinusoidalPositionalEmbedding.get_embedding(
            first + positions, table.embedding_dim, table.padding_idx
        )


def make_linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with these tensors."""
    linear = nn.Linear(weight.size(1), weight.size(0), device="meta")
    linear.weight = nn.Parameter(weight, requires_grad=False)
    linear.bias = nn.Parameter(bias, requires_grad=False)
    return linear


def write_ctranslate2(
    folder: Path,
    model: Any,
    settings: Mapping[str, Any],
    dictionaries: tuple[Dictionary, Dictionary],
    quantization: str,
) -> None:
    """Write a CTranslate2 model into a new folder.

    Args:
        folder: where to write.
        model: fairseq's transformer after `prepare_model`.
        settings: fairseq's settings of the model.
        dictionaries: dictionaries of source and target; tags are ordinary tokens.
        quantization: `float32` or `int8`.
    """
    spec = TransformerSpec.from_config(
        (settings["encoder_layers"], settings["decoder_layers"]),
        settings["encoder_attention_heads"],
        pre_norm=settings["encoder_normalize_before"],
        activation=Activation.RELU,
        layernorm_embedding=settings["layernorm_embedding"],
    )
    converter.set_transformer_encoder(spec.encoder, model.encoder)
    converter.set_transformer_decoder(spec.decoder, model.decoder)
    spec.register_source_vocabulary(vocabulary(dictionaries[0]))
    spec.register_target_vocabulary(vocabulary(dictionaries[1]))
    spec.config.decoder_start_token = spec.config.eos_token
    spec.config.add_source_eos = False  # the caller appends </s>
    spec.validate()
    spec.optimize(quantization=quantization)
    folder.mkdir(parents=True)
    spec.save(str(folder))


def vocabulary(dictionary: Dictionary) -> list[str]:
    """Return the tokens in order, with a unique name for one that a later entry overwrites."""
    names = [
        token if dictionary.index(token) == i else f"<overwritten {i}>"
        for i, token in enumerate(dictionary.symbols)
    ]
    names[dictionary.pad()] = PAD
    return names
