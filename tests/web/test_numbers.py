"""Numbers are written alike by pages, results and reports."""

import json
import math
import shutil

import numpy as np
import pytest

from hiddenstate.metrics.glossary import written
from hiddenstate.metrics.units import quantity
from hiddenstate.web import tags
from hiddenstate.web.joining import joined
from tests.export.scripts import answer_of_node


def odd_numbers() -> list[float]:
    """Return 200 numbers: ends and halves of what is rounded, all magnitudes, and both signs."""
    edges = [0.5, 999.5, 999.94, 999.95, 999.96, 1000.5, 1001.5, 1234.5, 9999.5, 12345.678]
    edges += [9.9994e-5, 9.99949e-5, 9.9995e-5, 1e-4, 0.00012345, 0.1 + 0.2, 1 / 3, 2 / 3]
    edges += [999999999.4, 999999999.6, 1.5e9 + 0.5, 1.591e12 + 0.25, 5e-324, 1.7e308, 2.5, 3.5]
    random = np.random.default_rng(0)
    spread = [float(m * 10.0**p) for m, p in zip(random.random(74), range(-37, 37), strict=True)]
    return [sign * each for each in edges + spread for sign in (1, -1)]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_number_is_written_alike_in_python_and_on_pages() -> None:
    numbers = odd_numbers()
    assert len(numbers) == 200
    shares = [each for each in numbers if abs(each) < 1e6]
    counts = [0, 1, 999, 1000, 1234567, 10**9, 12345678901]
    errors = [each for each in numbers if 1e-300 < abs(each) < 1e9]
    code = joined(["web/numbers.js"])
    found = answer_of_node(
        f"{code}\nconsole.log(JSON.stringify([{json.dumps(numbers)}.map(short),"
        f"{json.dumps(shares)}.map((share) => percent(share)), {json.dumps(counts)}.map(short),"
        f"{json.dumps(errors)}.map((error) => quantity(error, 'EUR'))]));"
    )
    whole = [each.is_integer() and abs(each) >= 1e9 for each in numbers]
    of_numbers = [
        text if is_count else written(each)
        for text, each, is_count in zip(found[0], numbers, whole, strict=True)
    ]
    assert found[0] == of_numbers
    assert found[1] == [written(each, "share") for each in shares]
    assert found[2] == [written(each, "count") for each in counts]
    assert found[3] == [quantity(each, "EUR") for each in errors]
    assert not any(math.isnan(each) for each in numbers)


def test_small_numbers_of_a_text_stay_on_one_line() -> None:
    whole = '<bdi>&lt;b&gt; ± <span class="whole">1.96e-07</span> mol/s</bdi>'
    assert tags.prose("<b> ± 1.96e-07 mol/s") == whole
