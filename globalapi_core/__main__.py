"""`python -m globalapi_core` is the `globalapi` command."""

from globalapi_core.cli import main

if __name__ == "__main__":
    main()
