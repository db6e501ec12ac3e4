"""The prose is plain English: what betrays other English is as rare as in well-written projects."""

import re
from pathlib import Path

import pytest

from tests.project.prose import read_prose

# occurrences in 10,000 words: twice what the wordiest of the projects that we compared has
PATTERNS = {
    "a run is a run": (
        r"\b(?:an?|one|each|every|another|this) training\b(?! \w)|\btrainings\b",
        0.2,
    ),
    "a line opens with its subject": (r"^(?:What|Whether|How)\b", 6),
    "that of": (r"\b(?:those|that) of\b", 0.8),
    "as many": (r"\b(?:so|as) many\b", 1.2),
    "told, mend, by itself": (
        r"\b(?:told|mend(?:s|ed)?|by itself|of (?:its|their|his|her) own)\b",
        0.2,
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_prose_is_plain(project: Path, name: str) -> None:
    pattern, most = PATTERNS[name]
    lines = list(read_prose(project))
    words = sum(len(line.text.split()) for line in lines)
    opening = pattern.startswith("^")
    found = [
        f"{line.path.relative_to(project)}:{line.number}: {line.text}"
        for line in lines
        if line.opens or not opening
        for _ in re.findall(pattern, line.text)
    ]
    rate = 10_000 * len(found) / words
    assert rate <= most, f"{rate:.1f} in 10,000 words:\n" + "\n".join(found)
