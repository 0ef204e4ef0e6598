"""Results as pictures in the terminal. Needs no torch."""
