"""`python -m prow`."""

from prow.cli.main import main

main()
