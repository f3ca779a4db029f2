"""What the cloud does in bad weather, through the real command line: no cover wrong, none lost, no quota broken."""
