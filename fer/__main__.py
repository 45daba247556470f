"""`python -m fer`: the same as the command `fer`."""

from fer.cli import main

if __name__ == "__main__":
    main(prog_name="fer")
