"""Floor 6: one subcommand per component; `up` composes them all in one process; `demo`, `run`, `version`."""
