#!/bin/sh
# Run every benchmark on a GPU and keep its results, the most important ones first.
# A benchmark that fails is reported, and the others go on.
while read -r line; do
    echo "== $line"
    python -m benchmarks $line --device cuda --keep < /dev/null || echo "failed: $line" >&2
done << COMMANDS
training_step ffn --shape mT-big --precision bf16
training_step ffn --shape mT-small --precision bf16
training_step ffn --shape mT-big --precision bf16 --tokens 30720
training_step ffn --shape mT-big --precision bf16 --tokens 61440
training_step ffn --shape mT-big
training_step ffn --shape mT-small
training_step neurons --shape mT-big --precision bf16
training_step neurons --shape mT-small --precision bf16
training_step neurons --shape mT-big --rounds 3
training_step neurons --shape mT-small
settings --shape mT-small --precision bf16 --factors 2 4 --rounds 20
settings --shape mT-big --precision bf16 --rounds 2
training_step lass --shape mT-small
training_step lass --shape mT-big
COMMANDS
