"""What ails a machine that a line shall run on, and what to do about it."""
