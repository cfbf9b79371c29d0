"""The ``afina`` command: the same studio without the browser.

Every command calls services and prints; nothing is done here that the screens could not do. Sentences go to standard
error or, where they are the result, to standard output; with ``--json`` standard output carries JSON and nothing else.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line of this process and exits with its code: 0 well, 1 an error, 2 wrong usage."""
    from studio.cli.program import run
    from studio.storage.privacy import keep_to_owner

    keep_to_owner()
    sys.exit(run(sys.argv[1:]))
