"""Opens a study: made, joined, or rebuilt from its run folders, and refused where it is another."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hiddenstate.errors import OptionError, printable
from hiddenstate.scale.tune.ledger import Ledger
from hiddenstate.scale.tune.rebuild import rebuild
from hiddenstate.scale.tune.settings import (
    FILE,
    Settings,
    StudyData,
    difference,
    read_settings,
)
from hiddenstate.scale.tune.storage import Address, Patience, connect
from hiddenstate.scale.tune.worker import Study
from hiddenstate.system.atomic_file import make_folder

SETTINGS, HOME = "settings", "home"
"""User attributes of an Optuna study: what its workers agree on, and the folder it was made in."""

MAKING = 20.0
"""Seconds that another worker may take to make the study; rebuilding it is the longest part."""

GRACE = 60
"""Seconds without a sign of life after which a trial is given to another worker."""


def open_study(
    settings: Settings,
    data: StudyData,
    address: Address,
    folder: Path,
    tell: Callable[[str], None],
    *,
    interrupted: Callable[[], bool] = lambda: False,
    grace: int = GRACE,
    before_writing: Callable[[], None] = lambda: None,
    own_pruner: bool = True,
) -> Study:
    """Open a study, which is made if it is new.

    Parameters
    ----------
    settings : Settings
    data : StudyData
    address : Address
    folder : Path
        Where its runs are on this machine.
    tell : callable
        Called with notes.
    interrupted : callable
    grace : int
        Seconds without a sign of life after which a trial is given to another worker.
    before_writing : callable
        Called after every check of what is there, before anything is written.
    own_pruner : bool
        Whether the pruner was chosen; otherwise a study that is there keeps its own.

    Raises
    ------
    OptionError
        If the folder or the database has another study of this name.
    MachineError
        If the database cannot be reached.
    """
    known = _known(settings, folder, own_pruner)
    if known is not None:
        settings = replace(settings, pruner=known.pruner)
    heartbeat = max(1, grace // 6)
    before_writing()
    if address.path is not None:
        make_folder(address.path.parent)
    storage = connect(address, heartbeat, grace, tell, interrupted)
    patience = Patience(address, tell, interrupted)
    is_new = _create(storage, settings, patience, folder)
    ledger = Ledger(storage, settings.name, patience)
    theirs = None if is_new else _settings_there(ledger, interrupted)
    if theirs is None and ledger.has_other_trials():
        raise OptionError(
            f"{settings.name} in {address.shown}: is a study of another program; use another --name"
        )
    if theirs is not None and not own_pruner:
        settings = replace(settings, pruner=str(theirs["pruner"]))
    settings = _agreed(settings, theirs, address)
    make_folder(folder)
    if known is None or known.to_dict() != settings.to_dict():
        settings.save(folder)
    study = Study(settings, folder, ledger, data, heartbeat)
    if theirs is None:
        rebuilt = rebuild(study)
        if rebuilt.n_found or known is not None:
            for line in rebuilt.lines(settings.n_trials, address.shown):
                tell(line)
    if theirs != settings.shared():
        ledger.set_attribute(SETTINGS, settings.shared())  # other workers wait for this
    return study


def _known(settings: Settings, folder: Path, own_pruner: bool) -> Settings | None:
    """Return the settings in the folder, after a check that they are the same."""
    if not (folder / FILE).exists():
        if folder.exists() and not folder.is_dir():
            raise OptionError(f"{printable(folder)}: is a file; use another --name")
        for file, what in (("config.json", "run"), ("sweep.json", "sweep")):
            if (folder / file).exists():
                raise OptionError(f"{printable(folder)}: is a {what}; use another --name")
        return None
    known = read_settings(folder)
    if not own_pruner:
        settings = replace(settings, pruner=known.pruner)
    _refuse(settings, known.shared(), printable(folder))
    return known


def _refuse(settings: Settings, theirs: dict[str, Any], where: str) -> None:
    """Refuse a study that is another (`OptionError`)."""
    what = difference(settings.shared(), theirs)
    if what:
        raise OptionError(
            f"{where}: is another study of this name ({what}); use another --name, or the options "
            "that it was made with"
        )


def _create(storage: Any, settings: Settings, patience: Patience, folder: Path) -> bool:
    """Make the study in its database; whether it was not there."""
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    try:
        number = patience(storage.create_new_study, [StudyDirection.MINIMIZE], settings.name)
    except DuplicatedStudyError:
        return False
    patience(storage.set_study_user_attr, number, HOME, str(folder.absolute()))
    return True


def _settings_there(ledger: Ledger, interrupted: Callable[[], bool]) -> dict[str, Any] | None:
    """Return the settings in the database; None if whoever made the study never came to that."""
    until = time.monotonic() + MAKING
    while True:
        theirs = ledger.attributes().get(SETTINGS)
        if theirs is not None or time.monotonic() > until or interrupted():
            return theirs
        time.sleep(0.2)


def _agreed(settings: Settings, theirs: dict[str, Any] | None, address: Address) -> Settings:
    """Refuse another study in the database, and take over the larger number of trials."""
    if theirs is None:
        return settings
    _refuse(settings, theirs, f"{settings.name} in {address.shown}")
    return replace(settings, n_trials=max(settings.n_trials, int(theirs["n_trials"])))
