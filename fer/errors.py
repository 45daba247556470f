"""Exceptions for problems that the user can solve: one clear line, exit status 1, no traceback."""

from pathlib import Path

import click


class FerError(click.ClickException):
    """A problem that the user can solve: the message says what is wrong and what to do.

    Click prints it as one `Error: ...` line and exits with status 1. Line breaks in the message, which the name of a
    file can bring, become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class MissingFileError(FerError):
    """A file that an earlier stage makes is not there.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, advice: str) -> None:
        self.path = path
        super().__init__(f"{path} is missing. {advice}")


class DivergedError(FerError):
    """A training whose loss is no number any more."""


class SettingError(FerError):
    """A value in a section of `params.yaml` that can't be used.

    A network that raises it knows the key, but not the section: two models may share one network.
    """

    def __init__(self, key: str, value: object, reason: str) -> None:
        super().__init__(f"{key} = {str(value)[:200]}: {reason}")

    def of(self, section: str) -> FerError:
        """The same error with the section's name before the key."""
        return FerError(f"{section}.{self.message}")


def not_installed(error: ModuleNotFoundError) -> str:
    """Say what to install for a command that needs more than the base install.

    Raises:
        ModuleNotFoundError: the error itself, if the missing module is one of this project's own.
    """
    package = str(error.name).partition(".")[0]
    if package in ("fer", "stages", "None"):
        raise error
    return (
        f"The Python package {package} is not installed. In a clone run `make setup` and use .venv/bin; elsewhere "
        f"{install('train')}."
    )


def install(extra: str) -> str:
    """What to do to have an optional part of this project; not by its name, since `fer` on PyPI is another project."""
    return f"run `pip install '.[{extra}]'` in the project's folder"
