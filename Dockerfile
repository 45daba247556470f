# Prediction alone: the command `fer`, its models, and no training libraries. docs/using.md says how to build and run it.
FROM python:3.12-slim

WORKDIR /app
# The libraries first, so that a change of the code does not install them again.
COPY requirements-predict.txt ./
RUN python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements-predict.txt
COPY pyproject.toml README.md LICENSE ./
COPY fer ./fer
RUN python -m pip install --no-cache-dir --no-deps . && rm -r /app/*

# Not root: photos come from strangers, and libraries that decode pictures have had holes.
RUN useradd --create-home --uid 10001 fer
USER 10001
WORKDIR /photos
ENTRYPOINT ["fer"]
CMD ["--help"]
