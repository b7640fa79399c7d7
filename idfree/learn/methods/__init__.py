"""One page per paper: it picks data, network and objective; nothing else knows a paper's name."""
