"""The one exception for what a user can put right."""

import click


class FerError(click.ClickException):
    """A problem that the user can solve: the message says what is wrong and what to do.

    Click prints it as one `Error: ...` line and exits with status 1, so no traceback reaches the user. Whatever
    breaks lines in the message, say the name of a file, becomes a space.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class SettingError(FerError):
    """A value in a section of `params.yaml` that can't be used.

    Whoever raises it knows the key, but not the section: two models may share one network.
    """

    def __init__(self, key: str, value: object, reason: str) -> None:
        super().__init__(f"{key} = {str(value)[:200]}: {reason}")

    def of(self, section: str) -> FerError:
        """The same error with the section's name before the key."""
        return FerError(f"{section}.{self.message}")
