"""Floor 4: OWNERS and OWNERS_ALIASES: who approves and who reviews which file."""
