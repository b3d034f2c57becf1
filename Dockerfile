# scalor on a CPU:
#     docker build -t scalor .
#     docker run --rm --user "$(id -u)" -v "$PWD:/work" scalor track my.mp4 -w traffic -o tracks
FROM python:3.12-slim

# What OpenCV's wheel loads.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libxcb1 \
    && rm -rf /var/lib/apt/lists/*

# First and alone: from PyPI it would bring gigabytes of CUDA.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu

COPY pyproject.toml README.md LICENSE NOTICE /src/
COPY src /src/src
RUN pip install --no-cache-dir /src && scalor --help > /dev/null

ENV HOME=/tmp
USER 1000
WORKDIR /work
ENTRYPOINT ["scalor"]
CMD ["--help"]
