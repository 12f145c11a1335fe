"""What things cost. Each module prints a text table; run one with ``python -m contrib.bench.NAME``.

Run them on an idle machine, with the plugins installed. Figures of one run may be compared with each
other; figures of two machines may not.
"""
