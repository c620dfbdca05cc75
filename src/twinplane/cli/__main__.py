"""`python -m twinplane.cli` is `twinplane`."""

from twinplane.cli import main

if __name__ == "__main__":
    main()
