"""Trials: bad inputs of every kind through the real commands, and the line that each must give."""
