"""One module per method (paper): it selects data, network and objective. `catalogue` lists them without PyTorch."""
