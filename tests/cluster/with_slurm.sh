#!/usr/bin/env bash
# Runs a command with a Slurm of its own, and stops it afterwards.
# usage: with_slurm.sh FOLDER COMMAND...      (root)
# The Slurm plugin of Snakemake strips SLURM_* from the jobs' environment, SLURM_CONF too, so the
# configuration must stand where Slurm looks by itself: a private mount puts it over /etc/slurm.
set -euo pipefail
HERE=$(dirname "$(realpath "$0")")
FOLDER=$(realpath -m "$1")
shift
mkdir -p "$FOLDER/etc" /etc/slurm
export HERE FOLDER
exec unshare --mount --propagation private bash -c '
    mount --bind "$FOLDER/etc" /etc/slurm
    stop() {
        for pid in "$FOLDER"/spool/slurmd.pid "$FOLDER"/state/slurmctld.pid "$FOLDER"/munge/pid; do
            [ -s "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true
        done
    }
    trap stop EXIT
    "$HERE/slurm_up.sh" "$FOLDER"
    cp "$FOLDER/slurm.conf" /etc/slurm/slurm.conf
    "$@"
' _ "$@"
