"""Modules that are imported with fairseq."""

import subprocess
import sys

CHECK = """
import sys
import neuron_specialization.fairseq_plugin
assert "fairseq.tasks.translation" in sys.modules
assert not [name for name in sys.modules if name.partition(".")[0] in ("sklearn", "pandas")]
from scipy.stats import pearsonr
from sklearn.metrics import f1_score
assert f1_score([0, 1], [0, 1]) == 1
assert pearsonr([1, 2, 3], [2, 4, 6]).statistic > 0.999
print("fine")
"""


def test_unneeded_modules_are_not_imported_and_work_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK], capture_output=True, text=True, check=False
    )
    assert done.stdout == "fine\n", done.stderr
