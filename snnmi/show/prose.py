"""Numbers in words; no plotting library is needed, so that a machine that only computes has it."""

_WORDS = "no one two three four five six seven eight nine ten eleven twelve".split()


def words(count: int, noun: str = "") -> str:
    """`words(10, "run")` -> "ten runs"; digits from 13 on."""
    number = _WORDS[count] if 0 <= count < len(_WORDS) else f"{count:,}"
    return f"{number} {noun if count == 1 else noun + 's'}" if noun else number


def number(value: float, decimals: int = 2, *, sign: bool = False) -> str:
    """A number with a true minus, never "−0.00"; with `sign`, differences from zero get "+" too."""
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def span(low: float, high: float, decimals: int = 2) -> str:
    """An interval as text that does not break: "[−0.21, 0.04]"."""
    return f"[{number(low, decimals)},\u00a0{number(high, decimals)}]"


def mean_and_span(mean: float, low: float, high: float, decimals: int = 2, *, sign: bool = False) -> str:
    """A mean with its interval: "0.12 [0.01, 0.20]"; with `sign`, a positive mean gets "+"."""
    return f"{number(mean, decimals, sign=sign)} {span(low, high, decimals)}"


def p_value(p: float) -> str:
    """ "p = 0.002", unbroken."""
    return ("p < 0.001" if p < 0.001 else f"p = {p:.3f}").replace(" ", "\u00a0")
