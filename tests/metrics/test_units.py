"""The units of columns, and quantities and periods in words."""

import pytest

from hiddenstate.metrics.units import ago, quantity, unit_of, without_unit


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("price_eur", "EUR"),
        ("weight (kg)", "kg"),
        ("temp [degC]", "°C"),
        ("molar_mass (g/mol)", "g/mol"),
        ("leak_mol_s", "mol/s"),
        ("rate_mol_per_s", "mol/s"),
        ("molar_mass_g_per_mol", "g/mol"),
        ("tariff_eur_per_kwh", "EUR/kWh"),
        ("price_per_kg", ""),
        ("rooms per km2", ""),
        ("temp_c", "°C"),
        ("load_MW", "MW"),
        ("area (m^2)", "m^2"),
        *(
            (name, "")
            for name in ("x_t", "y_s", "price", "price (log)", "total (a)", "eur", "class c")
        ),
    ],
)
def test_a_unit_is_taken_from_a_name_only_where_it_is_certain(column: str, unit: str) -> None:
    assert unit_of(column) == unit


def test_a_unit_in_brackets_is_no_part_of_the_name() -> None:
    assert without_unit("weight (kg)") == "weight"
    assert without_unit("price (log)") == "price (log)"
    assert without_unit("price_eur") == "price_eur"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0.01234, "0.0123"), (31.24, "31.2"), (999.6, "1,000")],
        *[(41235.3, "41,235"), (1.5e-7, "1.5e-07")],
    ],
)
def test_quantities_have_three_digits_or_all_whole_ones(value: float, text: str) -> None:
    assert quantity(value, "EUR") == f"{text} EUR"
    assert quantity(value) == text


@pytest.mark.parametrize(
    ("days", "words"),
    [
        *[(1 / 24, "an hour ago"), (1, "a day ago"), (7, "a week ago"), (14, "2 weeks ago")],
        *[(365.2425 / 12, "a month ago"), (364, "a year ago"), (None, "a season ago")],
    ],
)
def test_a_season_is_said_as_people_say_it(days: float | None, words: str) -> None:
    assert ago(days) == words
