#!/usr/bin/env bash
# built against the torch of this environment
pip install --no-deps --no-build-isolation fairseq-fixed==0.12.3.1
