#!/usr/bin/env bash
# Installs the pinned packages and the checkout itself into the conda environment of starbench.yaml.
# The workflow says in STARBENCH_SOURCE where the checkout is: Snakemake runs this file in the folder
# where it was started, which may be any.
# The sum is here because Snakemake makes a new environment when this file changes, and would
# not notice a changed lock; a test keeps it in step.
set -euo pipefail
source=${STARBENCH_SOURCE:?the workflow names the checkout}
lock=$source/envs/requirements.lock
want=ae777add332962a57bad2b2e29510d8c435c1c410ff7a767d5edd65fb2896a78
have=$(sha256sum "$lock" | cut -d ' ' -f 1)
if [ "$have" != "$want" ]; then
    echo "error: $lock has sha256 $have, envs/starbench.post-deploy.sh expects $want" >&2
    exit 1
fi
python -m pip install --disable-pip-version-check --quiet -r "$lock"
python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable "$source"
