"""Translation of settings to fairseq's command line, as a table."""

from pathlib import Path

import pytest

from neuron_specialization.fairseq_plugin.flags import PLUGIN, training_flags
from neuron_specialization.settings.training import Adapters, Architecture, DirectionFiles, Training

SETTINGS = {
    "layers": 6,
    "heads": 16,
    "d_model": 1024,
    "d_ff": 4096,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "temperature": 5,
    "max_tokens": 7680,
    "update_freq": 21,
    "learning_rate": 0.0005,
    "warmup_updates": 4000,
    "label_smoothing": 0.1,
    "max_updates": 900_000,
    "validate_every": 500,
    "patience": 20,
    "precision": "fp16",
}


def make_flags(architecture: dict | None = None, **training: object) -> list[str]:
    settings = {
        "data": Path("data"),
        "directions": ["en-de", "de-en"],
        "save_dir": Path("work"),
        "tensorboard": Path("logs"),
        "seed": 222,
        "device": "cuda",
    }
    return training_flags(
        Architecture(**(SETTINGS | (architecture or {}))), Training(**(settings | training))
    )


def test_fairseq_does_not_shuffle_even_batches() -> None:
    flags = " ".join(make_flags({"even_batches": True, "max_updates": 70}))
    assert "--even-batches --curriculum 70 " in flags
    assert "--curriculum" not in make_flags()


def test_the_papers_big_model() -> None:
    assert " ".join(make_flags()) == (
        f"data --user-dir {PLUGIN} --task translation_directions --directions en-de,de-en "
        "--sampling-temperature 5 --max-source-positions 256 --max-target-positions 256 "
        "--skip-invalid-size-inputs-valid-test --required-batch-size-multiple 1 "
        "--max-tokens 7680 --num-workers 0 --seed 222 "
        "--arch transformer --share-decoder-input-output-embed "
        "--encoder-layers 6 --encoder-embed-dim 1024 --encoder-ffn-embed-dim 4096 "
        "--encoder-attention-heads 16 --encoder-normalize-before "
        "--decoder-layers 6 --decoder-embed-dim 1024 --decoder-ffn-embed-dim 4096 "
        "--decoder-attention-heads 16 --decoder-normalize-before "
        "--dropout 0.1 --attention-dropout 0.1 --activation-dropout 0.0 "
        "--criterion label_smoothed_cross_entropy --label-smoothing 0.1 "
        "--optimizer adam --adam-betas (0.9, 0.98) --adam-eps 1e-06 --weight-decay 0.0 "
        "--clip-norm 0.0 --lr-scheduler inverse_sqrt --lr 0.0005 --warmup-updates 4000 "
        "--update-freq 21 --max-update 900000 --patience 20 "
        "--save-dir work --validate-interval-updates 500 --save-interval-updates 500 "
        "--validate-interval 1000000000 --save-interval 1000000000 "
        "--ddp-backend legacy_ddp --distributed-world-size 1 "
        "--load-checkpoint-on-all-dp-ranks "
        "--tensorboard-logdir logs --log-format simple --log-interval 100 --fp16"
    )


ADAPTERS = Adapters(sets={"en-de": "g", "en-nl": "g"}, bottleneck=128, per_layer=2)


@pytest.mark.parametrize(
    ("architecture", "training", "added"),
    [
        ({}, {"parent": Path("best.pt")}, "--finetune-from-model best.pt"),
        ({}, {"files": DirectionFiles(masks=Path("m.npz"))}, "--masks m.npz"),
        (
            {},
            {"files": DirectionFiles(weight_masks=["1-of-2.npz", "2-of-2.npz"])},
            "--weight-masks 1-of-2.npz:2-of-2.npz",
        ),
        (
            {},
            {"adapters": ADAPTERS, "files": DirectionFiles(base=Path("best.pt"))},
            "--base best.pt, --adapter-sets en-de=g,en-nl=g, --adapter-bottleneck 128, "
            "--adapters-per-layer 2",
        ),
        ({}, {"language_tags": False}, "--no-language-tags"),
        (
            {"checkpoint_metric": "chrf"},
            {},
            "--dev-metric chrf, --best-checkpoint-metric chrf, --maximize-best-checkpoint-metric",
        ),
        (
            {"kernels": "torch", "loss_chunk": 512},
            {},
            "--optimizer fused_adamw, --attention sdpa, --loss-chunk 512, "
            "--criterion chunked_label_smoothed_cross_entropy",
        ),
        ({}, {"device": "cpu"}, "--cpu"),
        ({"precision": "bf16"}, {}, "--bf16"),
    ],
)
def test_a_setting_adds_its_flags(
    architecture: dict[str, object], training: dict[str, object], added: str
) -> None:
    plain, flags = (
        " ".join(make_flags({"precision": "fp32"} | sizes, **own))
        for sizes, own in (({}, {}), (architecture, training))
    )
    for each in added.split(", "):
        assert f" {each} " in f"{flags} "
        assert each not in plain
    assert "--label-smoothing 0.1 " in flags


def test_a_run_reads_the_shards_of_its_data(tmp_path: Path) -> None:
    assert make_flags(data=tmp_path)[0] == str(tmp_path)
    for number in (0, 1):
        (tmp_path / f"shard{number}").mkdir()
    assert make_flags(data=tmp_path)[0] == f"{tmp_path}/shard0:{tmp_path}/shard1"
