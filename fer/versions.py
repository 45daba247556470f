"""Which versions of the libraries made a result: recorded beside it, so that a number can be traced."""

import platform
from importlib import metadata


def of(*packages: str) -> dict[str, str]:
    """The versions of Python and of some packages, by name; a package that is not installed is left out.

    The same environment gives the same: nothing of the machine or the time is in it.

    Args:
        packages: as they are called where they are installed from, say `torch` or `opencv-python-headless`.
    """
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
