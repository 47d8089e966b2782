"""Floor 4: what hook and every plugin share: the Plugin value, commands, help, the lazy view of a PR, trust rules."""
