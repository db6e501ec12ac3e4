"""Write a page of all settings, defaults included, and the versions of packages."""

import json
from pathlib import Path

from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.tables.render import write_settings

with log_to(snakemake.log[0]):
    write_settings(snakemake.params.config, Path(snakemake.output.html))
    digests = json.dumps(snakemake.params.digests, indent=1)
    write_text(Path(snakemake.output.digests), f"{digests}\n")
