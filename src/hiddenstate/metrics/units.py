"""The units of columns, where their names give them, and quantities and periods in words."""

import re

from hiddenstate.errors import count

CURRENCIES = ("eur", "usd", "gbp", "chf", "jpy", "cny", "rmb", "inr", "sek", "nok", "dkk", "pln")

UNITS = {
    **{name: name.upper() for name in CURRENCIES},
    **dict.fromkeys(("degc", "celsius"), "°C"),
    **dict.fromkeys(("degf", "fahrenheit"), "°F"),
    **dict.fromkeys(("pct", "percent"), "%"),
    **{"kwh": "kWh", "mwh": "MWh", "gwh": "GWh", "hpa": "hPa", "kpa": "kPa", "khz": "kHz"},
    **{"m2": "m²", "m3": "m³", "km2": "km²", "hz": "Hz", "kg": "kg", "km": "km", "cm": "cm"},
    **{"mm": "mm", "ms": "ms", "kmh": "km/h", "kmph": "km/h", "mph": "mph", "rpm": "rpm"},
    **{"ppm": "ppm", "ppb": "ppb", "mol": "mol", "bpm": "bpm", "bar": "bar", "mbar": "mbar"},
    **{"lbs": "lbs", "kw": "kW", "gw": "GW", "mw": "mw"},  # milliwatts or megawatts
}
"""Units by the last word of a column's name that gives them, as they are written."""

RATIOS = {
    **{"g_mol": "g/mol", "mol_s": "mol/s", "mol_l": "mol/l", "kg_m3": "kg/m³", "kg_h": "kg/h"},
    **{"kg_s": "kg/s", "km_h": "km/h", "m_s": "m/s", "m3_h": "m³/h", "m3_s": "m³/s"},
    **{"l_min": "l/min", "l_h": "l/h", "mg_l": "mg/l", "ug_m3": "µg/m³", "w_m2": "W/m²"},
}
"""The same of two words, the second the unit of what the first is divided by."""

SYMBOLS = {*UNITS, *UNITS.values(), *RATIOS.values(), *"gtmshlJKNVWACFΩ%€$£¥"} | {
    *("min", "mg", "ug", "µg", "µm", "nm", "ml", "dl", "cl", "hl", "Pa", "Bq", "dB", "dBm", "cd"),
    *("mV", "kV", "mA", "µs", "ns", "us", "kJ", "MJ", "kcal", "cal", "mW", "MW", "N/m", "lb", "oz"),
    *("ft", "yd", "mi", "psi", "sec", "hr", "hrs", "day", "days", "week", "month", "year"),
    *("years", "hours", "minutes", "seconds", "°", "°C", "°F", "deg", "rad", "Nm", "kN", "mmol"),
    *("MB", "GB", "kB", "TB", "ha", "ac", "person", "people", "units", "pieces", "mmHg", "t/ha"),
}
"""What may stand in brackets as a unit, alone or in a product or ratio."""

_BRACKETS = re.compile(r"^(?P<name>.*\S)\s*(?:\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\])$")
_FACTORS = re.compile(r"[/*·. ]")
_POWER = re.compile(r"\^?-?[0-9²³]*$")


def unit_of(column: str) -> str:
    """Return the unit that a column's name gives, empty if it gives none for certain.

    A unit stands in brackets, as in ``weight (kg)`` and ``temp [degC]``, or is the last word or two
    words, as in ``price_eur`` and ``leak_mol_s``, or a ratio, as in ``leak_mol_per_s``. A last word
    of one letter is no unit, as it often numbers columns; but ``temp_c`` is in degrees Celsius.
    """
    if match := _BRACKETS.match(column.strip()):
        text = (match["round"] or match["square"] or "").strip()
        return UNITS.get(text.lower(), text) if _is_unit(text) else ""
    words = [word for word in re.split(r"[_\s]+", column.strip()) if word]
    lower = [word.lower() for word in words]
    if "per" in lower[-2:-1]:  # price_per_kg is not in kg
        of, by = words[-3:-2], words[-1:]
        parts = [UNITS.get(word.lower(), word) for word in of + by]
        return "/".join(parts) if len(words) > 3 and SYMBOLS.issuperset(parts) else ""
    if len(words) > 2 and (ratio := RATIOS.get("_".join(lower[-2:]))):
        return ratio
    if len(words) == 2 and lower[0] in ("temp", "temperature") and lower[1] in "cf":
        return f"°{lower[1].upper()}"
    if len(words) < 2 or lower[-1] not in UNITS:
        return ""
    written = UNITS[lower[-1]]
    return words[-1] if written == lower[-1] or words[-1].lower() == "mw" else written


def _is_unit(text: str) -> bool:
    parts = [_POWER.sub("", part) for part in _FACTORS.split(text)]
    known = [not part or part in SYMBOLS or part.lower() in UNITS for part in parts]
    return bool(text) and all(known) and any(parts)


def without_unit(column: str) -> str:
    """Return a column's name without a unit in brackets at its end, which stands at its values."""
    match = _BRACKETS.match(column.strip())
    return match["name"] if match and unit_of(column) else column


def quantity(value: float, unit: str = "") -> str:
    """Return a number in three digits, or all of its whole ones: 0.0123, 31.2, 41,235, 1.5e-07."""
    return f"{in_digits(value, 3)} {unit}".rstrip()


def in_digits(value: float, n: int) -> str:
    """Return a number in `n` digits, or all of its whole ones: 0.01234, 31.25, 41,235, 1.5e-07;
    `short` of `web/numbers.js` writes it alike."""
    is_whole = 1000 - 0.5 * 10.0 ** (3 - n) <= abs(value) < 1e9
    return f"{value:,.0f}" if is_whole else f"{value:.{n}g}"


PERIODS = (
    ("hour", 1 / 24, 1e-3),
    ("day", 1.0, 1e-3),
    ("week", 7.0, 1e-3),
    ("month", 365.2425 / 12, 0.03),
    ("quarter", 365.2425 / 4, 0.03),
    ("year", 365.2425, 0.006),
)
"""Names of periods, their days, and by what share they may differ."""


def ago(days: float | None, steps: int | None = None) -> str:
    """Return how long ago `days` are, as in "a week ago", or `steps` if days are not known; "a
    season ago" if neither is."""
    if days is None:
        return "a season ago" if steps is None else f"{count(steps, 'step')} ago"
    if (period := period_of(days)) is None:
        return f"{quantity(days)} days ago"
    n, name = period
    one = "an" if name == "hour" else "a"
    return f"{one} {name} ago" if n == 1 else f"{count(n, name)} ago"


def period_of(days: float) -> tuple[int, str] | None:
    """Return `days` as a number of the longest period that fits, with its name; None if none."""
    for name, size, share in reversed(PERIODS):
        n = round(days / size)
        if n and abs(days / size - n) <= share * n:
            return n, name
    return None
