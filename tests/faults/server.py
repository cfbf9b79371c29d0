"""A server reduced to what a fault can hurt: ``python -m tests.faults.server HOME RESERVE_MB`` supervises a workspace."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from studio.settings import Settings
from studio.storage.workspace import Workspace
from studio.training.supervision.supervisor import Supervisor


def main() -> None:
    settings = Settings(home=Path(sys.argv[1]), disk_reserve_mb=int(sys.argv[2]))
    supervisor = Supervisor(Workspace.open(settings), interval=0.1)
    supervisor.start()
    said = False
    while True:
        time.sleep(0.02)
        if supervisor.is_active and not said:
            said = True
            print("active", flush=True)


if __name__ == "__main__":
    main()
