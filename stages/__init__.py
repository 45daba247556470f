"""The scripts that `dvc repro` runs as `python -m stages.<name>`, one a stage."""

from fer import check as check  # first of all: where packages are missing, it says what to install
