"""Floor 1: the nouns. msgspec structs with upstream's JSON names; no I/O, no clock."""
