#!/usr/bin/env bash
# Installs the pinned packages and this checkout into the conda environment of starbench.yaml.
# Snakemake runs it in the folder where snakemake was started: the root of the checkout.
# The sum stands here because Snakemake makes a new environment when this file changes, and would
# not notice a changed lock; a test keeps it in step.
set -euo pipefail
lock=envs/requirements.lock
want=ae777add332962a57bad2b2e29510d8c435c1c410ff7a767d5edd65fb2896a78
have=$(sha256sum "$lock" | cut -d ' ' -f 1)
if [ "$have" != "$want" ]; then
    echo "error: $lock has sha256 $have, envs/starbench.post-deploy.sh expects $want" >&2
    exit 1
fi
python -m pip install --disable-pip-version-check --quiet -r "$lock"
python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
