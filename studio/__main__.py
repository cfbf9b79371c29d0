"""``python -m studio`` is the ``afina`` command."""

from studio.cli import main

if __name__ == "__main__":
    main()
