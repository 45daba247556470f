"""Shows annotated photos and videos in a window."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fer.errors import FerError, install
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
            f"--show needs matplotlib, which is not installed: {install('evaluate')}. {_ALTERNATIVE}"
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


class Player:
    """A window in which frames follow each other. Use it in a `with` block.

    Args:
        title: of the window.
    """

    def __init__(self, title: str) -> None:
        self._title = printable(title)
        self._figure: Any = None
        self._picture: Any = None

    def __enter__(self) -> Self:
        """Return the player itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the window."""
        import matplotlib.pyplot as plt

        if self._figure is not None:
            plt.close(self._figure)

    def show(self, image: "Image") -> bool:
        """Show the next frame; return whether the window is still open."""
        import matplotlib.pyplot as plt

        if self._figure is None:
            self._figure = plt.figure(self._title, layout="constrained")
            axes = self._figure.add_subplot()
            axes.axis("off")
            self._picture = axes.imshow(image)
            plt.show(block=False)
        self._picture.set_data(image)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()  # among them may be the one that closes the window
        return bool(plt.fignum_exists(self._figure.number))
