"""Black-box model inversion (GAMIN) against spiking and non-spiking networks.

`Dataset` -> target -> `BlackBox` -> attack -> scores -> figures; a room for each, and `study` chains them.
"""

__version__ = "1.0.0"
