"""What one machine remembers of one project, in its state folder."""
