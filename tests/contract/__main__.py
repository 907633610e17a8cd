"""Prints the largest difference of each translation from the reference, for each kind of model.

    python -m tests.contract ["NAME OF A MODEL" ...]

As a share of the largest answer; `refused` where a translation declares that it does not hold a
model, and `!` where a difference is above the limit of the translation.
"""

import sys

from tests.contract.models import KINDS, random_names
from tests.contract.translations import OTHERS, TRANSLATIONS, differences

WIDTH = max(map(len, KINDS))


def main(names: list[str]) -> None:
    """Print a line for each model, and one for all random models together."""
    random = [] if names else random_names()
    names = names or list(KINDS)
    table: dict[str, dict[str, str]] = {name: {} for name in names}
    table |= {f"{len(random)} random": {}} if random else {}
    for translation in (*TRANSLATIONS.values(), *OTHERS.values()):
        some = [*names, *(random if translation.name in TRANSLATIONS else [])]
        cases = translation.cases(some)
        worst = dict.fromkeys(table, -1.0)
        wrong = set[str]()
        for case, reply in zip(cases, translation.reply(cases), strict=True):
            row = case.name if case.name in table else f"{len(random)} random"
            for share, excess in differences(case, reply).values():
                worst[row] = max(worst[row], share)
                wrong |= set() if excess <= translation.limit(case.model) else {row}
        for row, share in worst.items():
            asked = row in KINDS or translation.name in TRANSLATIONS
            cell = f"{share:.0e}" if share >= 0 else "refused" if asked else "-"
            table[row][translation.name] = cell + "!" * (row in wrong)
    widths = {column: max(8, len(column)) for column in next(iter(table.values()))}
    for row, cells in {"": {column: column for column in widths}, **table}.items():
        line = (f"{cell:>{widths[column]}}" for column, cell in cells.items())
        sys.stdout.write(" ".join([f"{row:{WIDTH}}", *line]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
