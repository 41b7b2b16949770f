"""Arrays and tables in, matplotlib figures out: one style, one pair of colours for ANN and SNN. Computes nothing.

Every function returns a closed Figure, so a notebook shows it once, as a cell's last value. Figures have no ground:
a dark page turns their ink (book/_static/book.css), but for grids of pictures, whose ink is read on both.
"""

from snnmi.show.figures.curves import CURVES, anytime, convergence, growth, time_steps
from snnmi.show.figures.dots import FACTORS, changes, effects, flips, score_dots, sets
from snnmi.show.figures.networks import answers, networks, specification
from snnmi.show.figures.neurons import lif_traces, rasters, rate_coding, surrogate_gradient
from snnmi.show.figures.pictures import decision_slices, label_colors, reconstructions
from snnmi.show.figures.style import COLORS, KINDS, title, use_style
