"""Entry of `python -m streams.cli`, which `./paper` calls."""

from streams.cli.app import main

if __name__ == "__main__":
    main()
