"""Settings to fairseq's command line, as a table."""

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


def value(flags: list[str], name: str) -> str:
    return flags[flags.index(f"--{name}") + 1]


def test_the_paper_s_big_model() -> None:
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


def test_a_continuation_names_its_parent_and_masks() -> None:
    flags = make_flags(parent=Path("best.pt"), files=DirectionFiles(masks=Path("masks.npz")))
    assert value(flags, "finetune-from-model") == "best.pt"
    assert value(flags, "masks") == "masks.npz"
    assert "--finetune-from-model" not in make_flags()
    assert "--masks" not in make_flags()


def test_weight_masks_come_from_several_files() -> None:
    flags = make_flags(files=DirectionFiles(weight_masks=["1-of-2.npz", "2-of-2.npz"]))
    assert value(flags, "weight-masks") == "1-of-2.npz:2-of-2.npz"


def test_adapters_name_their_base_and_sets() -> None:
    adapters = Adapters(sets={"en-de": "g", "en-nl": "g"}, bottleneck=128, per_layer=2)
    flags = make_flags(adapters=adapters, files=DirectionFiles(base=Path("best.pt")))
    assert value(flags, "base") == "best.pt"
    assert value(flags, "adapter-sets") == "en-de=g,en-nl=g"
    assert value(flags, "adapter-bottleneck") == "128"
    assert value(flags, "adapters-per-layer") == "2"
    assert "--finetune-from-model" not in flags


def test_bilingual_models_have_no_tags() -> None:
    assert "--no-language-tags" in make_flags(language_tags=False)
    assert "--no-language-tags" not in make_flags()


@pytest.mark.parametrize(
    ("device", "precision", "there", "absent"),
    [
        ("cpu", "fp32", ["--cpu"], ["--fp16", "--bf16"]),
        ("cuda", "fp16", ["--fp16"], ["--cpu", "--bf16"]),
        ("cuda", "bf16", ["--bf16"], ["--cpu", "--fp16"]),
        ("cuda", "fp32", [], ["--cpu", "--fp16", "--bf16"]),
    ],
)
def test_device_and_precision(
    device: str, precision: str, there: list[str], absent: list[str]
) -> None:
    flags = make_flags({"precision": precision}, device=device)
    assert set(there) <= set(flags)
    assert not set(absent) & set(flags)


def test_settings_for_speed_are_off_unless_named() -> None:
    plain = make_flags()
    assert "--attention" not in plain
    assert "--loss-chunk" not in plain
    assert value(plain, "optimizer") == "adam"
    fast = make_flags({"kernels": "torch", "loss_chunk": 512})
    assert value(fast, "optimizer") == "fused_adamw"
    assert value(fast, "attention") == "sdpa"
    assert value(fast, "criterion") == "chunked_label_smoothed_cross_entropy"
    assert value(fast, "loss-chunk") == "512"
    assert value(fast, "label-smoothing") == value(plain, "label-smoothing")


def test_the_best_checkpoint_is_that_of_the_lowest_loss_or_of_the_highest_score() -> None:
    by_loss, by_score = make_flags(), make_flags({"best_by": "chrf"})
    for name in ("best-checkpoint-metric", "maximize-best-checkpoint-metric", "dev-metric"):
        assert f"--{name}" not in by_loss
    assert value(by_score, "best-checkpoint-metric") == value(by_score, "dev-metric") == "chrf"
    assert "--maximize-best-checkpoint-metric" in by_score


def test_a_training_reads_the_shards_of_its_data(tmp_path: Path) -> None:
    assert make_flags(data=tmp_path)[0] == str(tmp_path)
    for number in (0, 1):
        (tmp_path / f"shard{number}").mkdir()
    assert make_flags(data=tmp_path)[0] == f"{tmp_path}/shard0:{tmp_path}/shard1"
