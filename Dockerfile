# The environment of envs/requirements.lock as an image, for Docker and Podman; docs/environments.md
# says how to build and use it. envs/starbench.def is the same for Apptainer.
FROM python:3.11-slim-bookworm

ENV PYTHONNOUSERSITE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

WORKDIR /opt/starbench
# The packages first: a layer that changes with the lock alone.
COPY envs/requirements.lock envs/requirements.lock
RUN python -m pip install -r envs/requirements.lock

COPY pyproject.toml README.md LICENSE Snakefile ./
COPY config config
COPY envs envs
COPY profiles profiles
COPY src src
COPY workflow workflow
RUN python -m pip install --no-deps --no-build-isolation --editable .

CMD ["snakemake", "--configfile", "config/demo.yaml"]
