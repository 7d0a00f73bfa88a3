"""When to look at the whole batch anew: others may write to it at any time, a run at every page."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

_LOOK_AGAIN_S: Final = 5.0


class Glance:
    """Remembers which state of a batch was looked at, and when."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._now = 0
        self._looked_s = 0.0

    def is_due(self, connection: sqlite3.Connection) -> bool:
        """Say whether somebody else wrote to the batch since the last look, and that is not just seconds ago."""
        self._now = int(connection.execute("PRAGMA data_version").fetchone()[0])
        if self._version is None:
            return True
        return self._now != self._version and time.monotonic() - self._looked_s >= _LOOK_AGAIN_S

    def looked(self) -> None:
        """Note that the batch was looked at as it was when `is_due` was asked."""
        self._version, self._looked_s = self._now, time.monotonic()

    def forget(self) -> None:
        """Have the next look be due."""
        self._version = None
