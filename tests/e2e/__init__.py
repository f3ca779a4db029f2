"""Every command through the command line, as its users meet it."""
