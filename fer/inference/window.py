"""Annotated photos in a window, where there is a display."""

from typing import TYPE_CHECKING

from fer.errors import FerError
from fer.inference.text import printable

if TYPE_CHECKING:
    from PIL.Image import Image


def require() -> None:
    """Check that a window can be opened.

    Raises:
        FerError: there is no display, or nothing that draws windows on it.
    """
    try:
        import matplotlib
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise FerError(
            f"Windows need matplotlib, which is not installed: pip install 'fer[evaluate]'. {_INSTEAD}"
        ) from error
    try:
        plt.close(plt.figure())
    except Exception as error:  # each toolkit has errors of its own
        raise FerError(f"No window can be opened ({error}). {_INSTEAD}") from error
    if matplotlib.get_backend().lower() == "agg":  # what matplotlib falls back to
        raise FerError(f"No window can be opened: there is no display, or no toolkit such as Tk. {_INSTEAD}")


_INSTEAD = "Use --output DIR and look at the pictures in it."


def show(image: "Image", title: str) -> None:
    """Show a picture, and wait until its window is closed."""
    import matplotlib.pyplot as plt

    figure = plt.figure(printable(title), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(image)
    axes.axis("off")
    plt.show()
    plt.close(figure)
