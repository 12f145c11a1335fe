"""How well turns are taken, measured on recorded and synthesised speech: ``python -m contrib.quality``."""
