"""The jobs are declared once, and few modules ask for one by name."""

import re
from pathlib import Path

import hiddenstate
from hiddenstate.config.option import CLASSES, CODES, IMAGES, JOBS, RECURRENT, TARGETS
from hiddenstate.program.jobs import KINDS, kind_of

NAMED = re.compile(f'"({"|".join(KINDS)})"')


def test_every_job_answers_one_kind():
    for name in JOBS:
        kind = kind_of(name)
        assert [kind.has_classes, kind.has_targets, kind.has_codes].count(True) == 1
        assert kind.has_series is not kind.has_codes


def test_options_know_the_jobs_by_what_they_answer():
    assert sorted((*CLASSES, *TARGETS, *CODES)) == sorted(JOBS)
    assert (RECURRENT, IMAGES) == (("classify", "regress"), ("classify", "autoencode"))


def test_few_modules_name_a_job():
    source = Path(hiddenstate.__file__).parent
    naming = [each for each in source.rglob("*.py") if NAMED.search(each.read_text("utf-8"))]
    assert len(naming) <= 60
