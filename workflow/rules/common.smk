"""The config, checked, and what the rules ask of the run's jobs: inputs, params and resources."""

import os

from snakemake.exceptions import WorkflowError

from starbench.errors import InputError

# A plugin that cannot be used is told here, where the config's types are made.
try:
    from starbench.machine.holders import announce
    from starbench.run.effective import VARIABLE, effective_config, started_config
    from starbench.run.jobs import JobGraph
    from starbench.run.paths import RunPaths
    from starbench.run.reads import reads
    from starbench.stages.data.origins import stamps
    from starbench.stages.report.products import (
        figure_labels,
        figure_names,
        products,
        report_reads,
        table_names,
    )
except InputError as error:
    raise WorkflowError(str(error))

# What another workflow that uses this one puts before its paths (`prefix:`).
PREFIX = workflow.modifier.path_modifier.replace_prefix("")

try:
    # The commands read the config as Snakemake sees it, --config included, from the run's folder.
    if workflow.is_main_process or VARIABLE not in os.environ:
        EFFECTIVE = effective_config(config, workflow.overwrite_configfiles, PREFIX)
    else:
        EFFECTIVE = started_config(Path(os.environ[VARIABLE]))
except InputError as error:
    raise WorkflowError(str(error))

CONFIG = EFFECTIVE.config
# A Path, not a text: Snakemake then leaves it out of what a job depends on.
CONFIG_FILE = EFFECTIVE.file
os.environ[VARIABLE] = str(CONFIG_FILE.absolute())


envvars:
    VARIABLE,


if workflow.is_main_process:
    # Who holds Snakemake's lock, for `starbench unlock`.
    announce(Path())


# Called when the lock is taken and there are jobs to run, and not in a dry run.
onstart:
    EFFECTIVE.keep_and_record()


if workflow.is_main_process and not (
    workflow.modifier.is_main_snakefile()
    and not getattr(workflow.execution_settings, "no_hooks", False)
):
    # Snakemake calls no `onstart` of a module, or with --no-hooks.
    EFFECTIVE.keep()


pathvars:
    results=CONFIG.results.removeprefix(PREFIX),


PATHS = RunPaths.of(CONFIG)
# Snakemake itself puts the prefix before what functions of rules return.
JOBS = JobGraph(CONFIG, RunPaths.of(CONFIG, Path(CONFIG.results.removeprefix(PREFIX))))


wildcard_constraints:
    **JOBS.wildcard_constraints,
    run=CONFIG.run,


def inputs_of(rule):
    """Return the input function of a rule: the files that its jobs are made from."""
    return lambda wildcards: list(map(str, JOBS.job(rule, wildcards).inputs))


def reads_of(rule):
    """Return the function of a rule's `reads`: what else its jobs depend on."""

    def found(wildcards):
        job = JOBS.job(rule, wildcards)
        return {**reads(CONFIG, PATHS, job), **stamps(CONFIG, PATHS, job)}

    return found


def fetched_files():
    """Return every dataset and checkpoint that the run uses."""
    jobs = [*JOBS.needed_by("fetch_dataset"), *JOBS.needed_by("fetch_checkpoint")]
    return [str(job.outputs[0]) for job in jobs]


def exported_files(wildcards):
    """Return every exported model that the config asks for; say so if it asks for none."""
    if not JOBS.exports:
        print(
            "The config has no section `export`: nothing is exported.", file=sys.stderr
        )
    return [str(job.outputs[0]) for job in JOBS.exports]


def resources_of(stage):
    """Return what one job of a stage asks for; a job that is tried again asks for more.

    Snakemake tries again where the profile says so (`retries`): with twice, then three times the
    memory and time, up to the config's `max_...`.
    """
    compute = getattr(CONFIG.compute, stage)
    return {
        "mem_mb": lambda wildcards, attempt: compute.memory_of(attempt),
        "runtime": lambda wildcards, attempt: compute.runtime_of(attempt),
        **compute.slurm_resources(CONFIG.compute.gres),
    }
