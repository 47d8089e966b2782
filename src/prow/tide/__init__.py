"""Floor 5: merges what may be merged, and says why the rest may not."""
