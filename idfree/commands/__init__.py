"""The commands, one file each: `add` declares what users type, `run` does it."""
