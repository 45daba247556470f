"""Shows annotated photos in a window."""

from typing import TYPE_CHECKING

from fer.errors import FerError
from fer.inference.text import printable

if TYPE_CHECKING:
    from PIL.Image import Image


def require_display() -> None:
    """Check that a window can be opened.

    Raises:
        FerError: there is no display, matplotlib is not installed, or it finds no GUI toolkit.
    """
    try:
        import matplotlib
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise FerError(
            f"--show needs matplotlib, which is not installed: pip install 'fer[evaluate]'. {_ALTERNATIVE}"
        ) from error
    try:
        plt.close(plt.figure())
    except Exception as error:  # each GUI toolkit has its own errors
        raise FerError(f"No window can be opened ({error}). {_ALTERNATIVE}") from error
    if matplotlib.get_backend().lower() == "agg":  # matplotlib's fallback without a display
        raise FerError(f"No window can be opened: there is no display, or no toolkit such as Tk. {_ALTERNATIVE}")


_ALTERNATIVE = "Use --output DIR instead, and open the annotated pictures in it."


def show(image: "Image", title: str) -> None:
    """Show a picture and wait until the user closes the window."""
    import matplotlib.pyplot as plt

    figure = plt.figure(printable(title), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(image)
    axes.axis("off")
    plt.show()
    plt.close(figure)
