"""Trainable parameters of a system, by arithmetic (paper, Table 6)."""


def count_parameters(*, layers: int, d_model: int, d_ff: int, vocabulary: int) -> int:
    """Parameters of a pre-norm transformer with `layers` encoder and as many decoder layers.

    Two embedding matrices: the encoder's, and the decoder's, which is its output projection too.
    The paper's mT-big is count_parameters(layers=6, d_model=1024, d_ff=4096, vocabulary=128032).

    Args:
        layers: layers of each stack.
        d_model: width D.
        d_ff: neurons F of an FFN.
        vocabulary: entries of the dictionary, fairseq's four special ones included.
    """
    attention = 4 * (d_model * d_model + d_model)
    ffn = 2 * d_model * d_ff + d_ff + d_model
    norm = 2 * d_model
    encoder_layer = attention + ffn + 2 * norm
    decoder_layer = 2 * attention + ffn + 3 * norm
    return layers * (encoder_layer + decoder_layer) + 2 * norm + 2 * vocabulary * d_model
