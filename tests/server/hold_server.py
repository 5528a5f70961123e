"""Run as a script by the life-cycle tests: start a server, say its name, wait to be ended."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from packager.server.embedded import embedded
from packager.server.readiness import server_name
from packager.spec.server import EmbeddedServerSpec

if __name__ == "__main__":
    with embedded(EmbeddedServerSpec(), Path(sys.argv[1])) as server:
        sys.stdout.write(f"{server_name(server.endpoints.http)}\n")
        sys.stdout.flush()
        signal.pause()
