"""A job: inputs, an output, and what of it is done.

The output holds `fer-bulk.json` (what decides the answers), `plan/` (the shards), and `faces/` (a file of answers for
each finished shard). Nothing else is remembered: a shard is finished when its file is there.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fer.bulk import listing, shards
from fer.bulk.shards import Shard
from fer.bulk.storage import Place, is_url
from fer.bulk.worker import Answer
from fer.errors import FerError
from fer.inference.results import LOCK, explained_as_unwritable, lock
from fer.inference.text import one_line

_CAUSE = "fer-bulk.json"


class Job:
    """A job. Use it in a `with` block: until its end no other process of this machine can work on the same output.

    Args:
        output: a folder or URL.
        cause: all that decides the answers beside the pictures, as JSON can hold it.

    Attributes:
        output: the folder.
        pending: the shards that are not finished, by id.
        planned: how many shards there are.
        pictures, faces, unread: how many this run has answered, found, and could not read.

    Raises:
        FerError: the output is a file, in use, holds something else, or was begun with another cause.
    """

    def __init__(self, output: str, cause: Mapping[str, Any]) -> None:
        self.output, self._cause = Place.of(output), dict(cause)
        self.pending: dict[str, Shard] = {}
        self.planned = self.pictures = self.faces = self.unread = 0
        self._stack = ExitStack()
        try:
            self._is_new = self._check()
        except (OSError, ValueError) as error:
            raise FerError(
                f"{output} can't be read ({one_line(error)}). Put it right, or name another folder."
            ) from error

    def __enter__(self) -> Self:
        """Return the job itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the output."""
        self._stack.close()

    def plan(self, inputs: Sequence[str], size: int, column: str | None) -> list[str]:
        """Find out what there is to do: what earlier runs have planned and not finished, and what is new.

        Args:
            inputs: as a user types them.
            size: pictures a shard.
            column: of Parquet files; None to find it.

        Returns:
            A line for each kind of file that is left out.

        Raises:
            FerError: an input can't be read, or the output is in use or can't be written.
        """
        sources, left_out = listing.find(inputs, self.output)
        self._begin()
        planned = shards.read_plan(self.output)
        known = {identity for shard in planned for identity in shard.identities}
        new = listing.cut([source for source in sources if source.identity not in known], size, column)
        if self._is_new:  # not before the inputs are known to be good: a wrong --column can be corrected
            self.output.write(_CAUSE, (json.dumps(self._cause, indent=1) + "\n").encode())
        if new:
            shards.write_plan(self.output, new)
        done = shards.finished(self.output)
        self.planned = len(planned) + len(new)
        self.pending = {shard.id: shard for shard in (*planned, *new) if shard.id not in done}
        return left_out

    def record(self, answer: Answer) -> None:
        """Count a shard that is finished."""
        del self.pending[answer["shard"]]
        self.pictures += answer["pictures"]
        self.faces += answer["faces"]
        self.unread += answer["unread"]
        if not self.pending:
            self.output.tidy()

    def _begin(self) -> None:
        self.output.prepare(shards.FACES, shards.PLAN)
        if not is_url(self.output.root):
            path = Path(self.output.root, LOCK)
            with explained_as_unwritable(Path(self.output.shown)):
                self._stack.enter_context(lock(path))
            self._stack.callback(path.unlink, missing_ok=True)

    def _check(self) -> bool:
        """Whether the output is new."""
        shown = self.output.shown
        if self.output.is_file():
            raise FerError(f"{shown} is a file. Name a folder for the results.")
        if _CAUSE not in self.output.entries():
            if self.output.sizes():
                raise FerError(f"{shown} holds files that fer bulk did not make. Name another folder for the results.")
            return True
        with self.output.open(_CAUSE) as file:
            earlier = json.loads(file.read())
        for name, value in self._cause.items():
            if earlier.get(name) != value:
                raise FerError(
                    f"{shown} was begun with {name} = {_shown(earlier.get(name))}, and this run has {_shown(value)}. "
                    "Use the same settings, or name another folder for the results."
                )
        return False


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
