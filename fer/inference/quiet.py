"""MediaPipe's C++ code writes notes to file descriptor 2 that nobody can act on."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what native code writes to standard error off the terminal while the block runs."""
    with contextlib.suppress(OSError, ValueError):  # a closed stderr, as of a service
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # closed, so there is nothing to keep quiet
        yield
        return
    try:
        with tempfile.TemporaryFile() as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
