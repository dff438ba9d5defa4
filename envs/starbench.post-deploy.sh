#!/usr/bin/env bash
# Installs the pinned packages and the checkout itself into the conda environment of starbench.yaml.
# The workflow says in STARBENCH_SOURCE where the checkout is: Snakemake runs this file in the folder
# where it was started, which may be any.
# The sum is here because Snakemake makes a new environment when this file changes, and would
# not notice a changed lock; a test keeps it in step.
set -euo pipefail
source=${STARBENCH_SOURCE:?the workflow names the checkout}
lock=$source/envs/requirements.lock
want=3559b755ca810a7e4612cf2455b273b6ffd7d1479c54b5c4519d83709d886528
have=$(sha256sum "$lock" | cut -d ' ' -f 1)
if [ "$have" != "$want" ]; then
    echo "error: $lock has sha256 $have, envs/starbench.post-deploy.sh expects $want" >&2
    exit 1
fi
python -m pip install --disable-pip-version-check --quiet -r "$lock"
python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable "$source"
