#!/usr/bin/env bash
# Installs the pinned packages and this checkout into the conda environment of starbench.yaml.
# Snakemake runs it in the folder where snakemake was started: the root of the checkout.
# The sum stands here because Snakemake makes a new environment when this file changes, and would
# not notice a changed lock; a test keeps it in step.
set -euo pipefail
lock=envs/requirements.lock
want=628b170bb381c8ccc02eb7756dfd05e2f5bffb6ba13f6930e4e7fde7f96aa565
have=$(sha256sum "$lock" | cut -d ' ' -f 1)
if [ "$have" != "$want" ]; then
    echo "error: $lock has sha256 $have, envs/starbench.post-deploy.sh expects $want" >&2
    exit 1
fi
python -m pip install --disable-pip-version-check --quiet -r "$lock"
python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
