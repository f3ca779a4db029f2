"""What differs, and what would put it right: observe and decide, for one entry and for all. Changes nothing."""
