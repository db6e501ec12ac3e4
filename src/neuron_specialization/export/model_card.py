"""The README.md of a model folder for transformers: origin, content, and how to translate."""

from collections.abc import Mapping, Sequence
from typing import Any

CARD = """---
library_name: transformers
pipeline_tag: translation
language:
{languages}
---

# {title}

Written by `neuron-specialization export` {version}: {content}.

```python
{example}
```

{notes}
| origin | |
| --- | --- |
{origin}
"""
EXAMPLE = """from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("."{source})
model = AutoModelForSeq2SeqLM.from_pretrained(".")
batch = tokenizer(["A sentence in {language}."], return_tensors="pt")
print(tokenizer.batch_decode(model.generate(**batch{target}), skip_special_tokens=True))"""
MASKED = """A masked neuron's row of `fc1` is zero and its bias is kept: it emits a constant, relu
of its bias, as in training. Fine-tuning all parameters would give these neurons weights again.
"""


def model_card(
    directions: Sequence[str],
    codes: Mapping[str, str],
    ids: Mapping[str, int],
    provenance: Mapping[str, Any],
) -> str:
    """Return the text of README.md.

    Args:
        directions: the exported directions.
        codes: the tokenizer's code of each language.
        ids: the id of each language's code.
        provenance: as in the manifest.
    """
    masks = provenance.get("masks")
    source, target = directions[0].split("-")
    several = len(directions) > 1
    return CARD.format(
        languages="\n".join(f"- {language}" for language in sorted(codes)),
        title=f"Translation {', '.join(directions)}",
        version=provenance["neuron_specialization"],
        content="the sub-network of one direction" if masks else "a dense model",
        example=EXAMPLE.format(
            language=source,
            source=f', src_lang="{codes[source]}"' if several else "",
            target=f", forced_bos_token_id={ids[target]}" if several else "",
        ),
        notes=MASKED if masks else "",
        origin="\n".join(f"| {name} | {value} |" for name, value in origin_rows(provenance)),
    )


def origin_rows(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of the table of origin."""
    rows = []
    for name in ("checkpoint", "masks"):
        if name in provenance:
            found = provenance[name]
            rows.append((name, f"`{found['file']}`, SHA-256 `{found['sha256']}...`"))
    for name, value in provenance.get("masks", {}).get("selection", {}).items():
        rows.append((f"masks: {name}", str(value)))
    if "trimmed" in provenance:
        trimmed = provenance["trimmed"]
        for name, (before, after) in trimmed["sizes"].items():
            rows.append((name, f"{after:,} (before trimming {before:,})"))
        for text in trimmed["texts"]:
            kept = ", ".join(f"{name} {value}" for name, value in text.items())
            rows.append(("trimmed to", kept))
    return rows
