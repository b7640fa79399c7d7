"""The commands, one module each: `add` declares the options, `run` calls the pipeline and prints the result."""
