"""Writes to the tables of Optuna, several values of a trial in one transaction.

Optuna's own storage makes a transaction of each value, and cannot make one depend on the owner.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
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


def locked(session: Any, model: Any, number: int) -> Any:
    """Return a row that no other transaction can change until the end of this one."""
    row = session.get(model, number, with_for_update=True)
    if row is None:
        raise KeyError(number)
    return row


def attribute_of(session: Any, models: Any, row: Any, name: str) -> Any:
    """Return a user attribute of a trial; None without it."""
    own = models.TrialUserAttributeModel
    text = session.query(own.value_json).filter_by(trial_id=row.trial_id, key=name).scalar()
    return None if text is None else json.loads(text)


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

    rows = delete(model).where(model.trial_id == bindparam("trial"))
    if key:
        rows = rows.where(getattr(model, key).in_(bindparam("keys", expanding=True)))
    return rows.execution_options(synchronize_session=False)


@cache
def _inserting(model: Any) -> Any:
    from sqlalchemy import insert

    return insert(model)
