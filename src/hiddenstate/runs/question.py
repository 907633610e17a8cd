"""What a run predicts of which data, so that only scores of equal questions are compared."""

from hiddenstate.config.data_fields import STDIN
from hiddenstate.errors import MachineError, UntrustedFileError
from hiddenstate.runs.run import Run


def question_of(run: Run) -> str:
    """Return what a run predicts of which data; scores of equal questions can be compared.

    Data are the same if their files are, by path; those without a file that can be named, such as
    arrays, if their fingerprint is.
    """
    options = run.config.data
    own = options.data in (None, STDIN)
    data = run.data_fact("fingerprint") if own else (options.data, options.test)
    try:
        facts = run.static_arrays[1]
    except (MachineError, UntrustedFileError):
        return repr(data)
    return repr((data, facts.classes, facts.targets, options.horizon))
