"""The jobs are declared once, and few modules ask for one by name."""

from hiddenstate.config.option import CLASSES, CODES, IMAGES, JOBS, RECURRENT, TARGETS
from hiddenstate.program.jobs import kind_of


def test_every_job_answers_one_kind():
    for name in JOBS:
        kind = kind_of(name)
        assert [kind.has_classes, kind.has_targets, kind.has_codes].count(True) == 1
        assert kind.has_series is not kind.has_codes


def test_options_know_the_jobs_by_what_they_answer():
    assert sorted((*CLASSES, *TARGETS, *CODES)) == sorted(JOBS)
    assert (RECURRENT, IMAGES) == (("classify", "regress"), ("classify", "autoencode"))
