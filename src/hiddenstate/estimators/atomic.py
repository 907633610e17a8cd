"""Methods that train change an estimator all at once; methods that predict use one fit throughout.

So an estimator that one thread fits and another reads answers as before the fit, or as after it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from hiddenstate.config.parameters import errors_for_python

Method = TypeVar("Method", bound=Callable[..., Any])


def all_at_once(train: Method) -> Method:
    """Make a method that trains change its estimator all at once, when it returns, or not at all.

    The method works on a copy. When it returns, the estimator takes over every attribute that is
    new or has another value. If it raises anything, also `KeyboardInterrupt`, a fitted estimator
    keeps its old model.
    """

    @wraps(train)
    def method(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(estimator))
        copy = _copied(estimator, before)
        with errors_for_python():
            train(copy, *args, **kwargs)
        after = vars(copy)
        own = {n: value for n, value in vars(estimator).items() if n in after or n not in before}
        new = {n: value for n, value in after.items() if before.get(n, copy) is not value}
        estimator.__dict__ = own | new  # one assignment, which Ctrl-C cannot divide
        return estimator

    return cast(Method, method)


def of_one_fit(read: Method) -> Method:
    """Make a method see the attributes that its estimator has when it is called.

    A fit that ends in the meantime, in another thread, replaces them all. The method works on a
    copy, so it must not set attributes.
    """

    @wraps(read)
    def method(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        return read(_copied(estimator, vars(estimator)), *args, **kwargs)

    return cast(Method, method)


def _copied(estimator: Any, attributes: dict[str, Any]) -> Any:
    """Return another estimator with the same attributes."""
    copy = object.__new__(type(estimator))
    copy.__dict__ = dict(attributes)
    return copy
