"""Black-box model inversion (GAMIN) against spiking and non-spiking networks.

`Dataset` -> target -> `BlackBox` -> attack -> scores -> figures; one file for each, and `experiment` chains them.
"""

__version__ = "0.1.0"
