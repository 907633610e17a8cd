"""Reads and writes the tables of Optuna, several values of a trial in one transaction.

Optuna's own storage makes a transaction of each value that it writes, cannot make one depend on
the owner, and makes an object of each row that it reads, which takes four times as long.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def transaction(storage: Any) -> Iterator[tuple[Any, Any]]:
    """Yield a session whose changes are made all or not at all, and the tables of Optuna."""
    from optuna.storages._rdb import models
    from sqlalchemy.orm import Session

    with Session(storage.engine) as session, session.begin():
        yield session, models


def state_of(name: str) -> Any:
    """Return the state of this name."""
    from optuna.trial import TrialState

    return TrialState[name]


MANY = 1000
"""Of so many trials that may have changed, all are read."""


def read_trials(storage: Any, study: int, after: int, others: Collection[int]) -> list[Any]:
    """Return Optuna's trials of a study: those with an id above `after`, and `others`.

    Their times are as stored, of one version of Optuna in UTC. A `KeyError` if the study is gone.
    """
    from optuna.trial import FrozenTrial

    if len(others) > MANY:
        after, others = -1, ()
    values = {"study": study, "after": after, "others": list(others)}
    with storage.engine.begin() as connection:
        of_study, of_trials, of_parts = _reading()
        if connection.execute(of_study, values).first() is None:
            raise KeyError(study)
        rows = connection.execute(of_trials, values).all()
        parts: Any = [defaultdict(dict) for _ in of_parts]
        for own, (statement, content) in zip(parts, of_parts, strict=True):
            for row in connection.execute(statement, values) if rows else ():
                own[row.trial_id][row[1]] = content(row)
    return [
        FrozenTrial(
            **row._mapping,
            value=parts[0][row.trial_id].get(0),
            params={name: value for name, (value, _) in parts[1][row.trial_id].items()},
            distributions={name: kind for name, (_, kind) in parts[1][row.trial_id].items()},
            user_attrs=parts[2][row.trial_id],
            system_attrs=parts[3][row.trial_id],
            intermediate_values=parts[4][row.trial_id],
        )
        for row in rows
    ]


@cache
def _reading() -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Return what selects a study, its trials, and each of their parts, with what a row holds."""
    from optuna.storages._rdb import models
    from sqlalchemy import bindparam, or_, select

    trials, studies = models.TrialModel.__table__.c, models.StudyModel.__table__.c
    others: Any = bindparam("others", expanding=True)
    which = (
        trials.study_id == bindparam("study"),
        or_(trials.trial_id > bindparam("after"), trials.trial_id.in_(others)),
    )
    value, step = models.TrialValueModel, models.TrialIntermediateValueModel
    kept: dict[Any, Any] = {
        value: ("objective", lambda row: value.stored_repr_to_value(*row[2:])),
        models.TrialParamModel: ("param_name", lambda row: _parameter(*row[2:])),
        models.TrialUserAttributeModel: ("key", lambda row: json.loads(row[2])),
        models.TrialSystemAttributeModel: ("key", lambda row: json.loads(row[2])),
        step: ("step", lambda row: step.stored_repr_to_intermediate_value(*row[2:])),
    }
    parts = []
    for model, (key, content) in kept.items():
        own = model.__table__.c
        rest = [each for each in own if not (each.primary_key or each.name in ("trial_id", key))]
        chosen = select(own.trial_id, own[key], *rest).order_by(*model.__table__.primary_key)
        chosen = chosen.where(own.trial_id.in_(select(trials.trial_id).where(*which)))
        parts.append((chosen, content))
    names = ("trial_id", "number", "state", "datetime_start", "datetime_complete")
    of_trials = select(*(trials[name] for name in names)).where(*which)
    study = select(studies.study_id).where(studies.study_id == bindparam("study"))
    return study, of_trials.order_by(trials.trial_id), parts


def _parameter(value: float, distribution: str) -> tuple[Any, Any]:
    kind = _distribution(distribution)
    return kind.to_external_repr(value), kind


@cache
def _distribution(text: str) -> Any:
    from optuna.distributions import json_to_distribution

    return json_to_distribution(text)


def locked(session: Any, model: Any, number: int) -> Any:
    """Return a row that no other transaction can change until the end of this one."""
    row = session.get(model, number, with_for_update=True)
    if row is None:
        raise KeyError(number)
    return row


def number_of_trials(session: Any, models: Any, study: int) -> int:
    """Return how many trials a study has, once no other transaction can add one."""
    own, trials = models.StudyModel.__table__.c, models.TrialModel.__table__.c
    of_study, of_trials = _counting(own.study_id, trials.study_id)
    if session.execute(of_study, {"study": study}).first() is None:
        raise KeyError(study)
    return int(session.execute(of_trials, {"study": study}).scalar())


@cache
def _counting(study: Any, of_trials: Any) -> tuple[Any, Any]:
    from sqlalchemy import bindparam, func, select

    own: Any = bindparam("study")
    locked = select(study).where(study == own).with_for_update()
    return locked, select(func.count()).where(of_trials == own)


def attribute_of(session: Any, models: Any, row: Any, name: str) -> Any:
    """Return a user attribute of a trial; None without it."""
    values = {"trial": row.trial_id, "key": name}
    text = session.execute(_attribute(models.TrialUserAttributeModel), values).scalar()
    return None if text is None else json.loads(text)


@cache
def _attribute(model: Any) -> Any:
    from sqlalchemy import bindparam, select

    own = model.__table__.c
    of_trial = own.trial_id == bindparam("trial")
    return select(own.value_json).where(of_trial, own.key == bindparam("key"))


def attributes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of attributes, for :func:`write`."""
    return [{"key": name, "value_json": json.dumps(fact)} for name, fact in facts.items()]


def parameters(params: Mapping[str, Any], distributions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of parameters, for :func:`write`."""
    from optuna.distributions import distribution_to_json

    return [
        {
            "param_name": name,
            "param_value": distributions[name].to_internal_repr(value),
            "distribution_json": distribution_to_json(distributions[name]),
        }
        for name, value in params.items()
    ]


def write(
    session: Any, model: Any, row: Any, values: Sequence[Mapping[str, Any]], is_new: bool = False
) -> None:
    """Write rows of a trial, in place of those with the same first column unless it `is_new`."""
    if not values:
        return
    if not is_new:
        key = next(iter(values[0]), None)
        keys = {"keys": [each[key] for each in values]} if key else {}
        session.execute(_deleting(model, key), {"trial": row.trial_id, **keys})
    session.execute(_inserting(model), [{"trial_id": row.trial_id, **each} for each in values])


@cache
def _deleting(model: Any, key: str | None) -> Any:
    """Return the statement that deletes rows of a trial: those with one of `keys` in a column."""
    from sqlalchemy import bindparam, delete

    table = model.__table__
    rows = delete(table).where(table.c.trial_id == bindparam("trial"))
    return rows.where(table.c[key].in_(bindparam("keys", expanding=True))) if key else rows


@cache
def _inserting(model: Any) -> Any:
    from sqlalchemy import insert

    return insert(model.__table__)
