"""Results and their baselines, as in the report and the card."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from hiddenstate.data import load_dataset
from hiddenstate.metrics import baselines
from hiddenstate.metrics.comparison import Baseline
from hiddenstate.metrics.scores import mean_squared_error
from hiddenstate.report import results
from hiddenstate.report.facts import RunFacts
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from tests.conftest import write_digits
from tests.report_html import train, train_digits


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train_digits(tmp_path_factory.mktemp("runs"))


def baseline_of(facts: RunFacts) -> Baseline:
    compared = results.baseline(facts)
    assert compared is not None
    return compared


def test_results_from_the_confusion_matrix_equal_those_from_predictions(digits: Run) -> None:
    facts = RunFacts(digits)
    matrix = results.confusion(facts)
    assert matrix is not None
    truth, predicted = np.repeat(np.indices(matrix.shape).reshape(2, -1), matrix.ravel(), axis=1)
    values = {row.name: row.value for row in results.tables(facts)["Derived from the saved arrays"]}
    assert values["balanced_accuracy"] == f"{100 * balanced_accuracy_score(truth, predicted):.2f} %"
    assert values["f1"] == f"{f1_score(truth, predicted, average='macro'):.4g}"
    for place, one in enumerate(results.by_class(facts)):
        assert (one.label, one.n_rows) == (str(place), int((truth == place).sum()))
        assert one.correct == pytest.approx(np.mean(predicted[truth == place] == place))


def test_the_baseline_of_a_classifier_is_the_score_of_one_label(digits: Run) -> None:
    compared = baseline_of(RunFacts(digits))
    dataset = run_dataset(digits)
    assert dataset.y is not None
    assert dataset.test is not None
    assert dataset.test.y is not None
    assert compared.other == baselines.majority(dataset.y, dataset.test.y, 3)


def test_bundled_digits_have_a_baseline_that_is_not_logged(tmp_path: Path) -> None:
    facts = RunFacts(train("classify", {"max_steps": 2, "n_evaluated": 5}, tmp_path))
    assert "baseline_accuracy" not in facts.results
    compared = baseline_of(facts)
    assert compared.other == 0.1135  # 1,135 of 10,000 test digits are ones


def test_principal_components_are_measured_on_the_same_rows_as_the_network(codes: Run) -> None:
    facts = RunFacts(codes)
    digits = load_dataset(facts.config)
    some = digits.X[:2000]
    components = baselines.fit_components(some, (digits.X_test,), 3)
    for name, rows in (
        ("pca_train_mse", some),
        ("pca_mse", digits.X_test),
        ("pca_evaluated_mse", digits.X_test[:30]),
    ):
        assert facts.static_arrays[name] == pytest.approx([components.error(rows)])
    compared = baseline_of(facts)
    assert compared.other == facts.static_arrays["pca_mse"][0]
    assert "fitted to the first 2,000 training rows reached" in compared.in_words()


def test_without_test_rows_components_are_measured_on_training_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((30, 6)))
    options = {"data": str(tmp_path / "rows.npy"), "test_fraction": 0.0, "epochs": 1}
    kept = RunFacts(train("autoencode", options, tmp_path)).static_arrays
    assert "pca_train_mse" in kept
    assert not {"pca_mse", "pca_evaluated_mse"} & set(kept)


def test_the_baseline_of_waves_is_their_mean(tmp_path: Path) -> None:
    facts = RunFacts(train("regress", {"windows": 15}, tmp_path))
    compared = baseline_of(facts)
    y = load_dataset(facts.config).y
    assert y is not None
    last = y[-10:].astype(np.float64)
    assert compared.other == pytest.approx(
        mean_squared_error(np.full_like(last, last.mean()), last)
    )


def test_a_network_that_is_worse_is_reported(digits: Run, tmp_path: Path) -> None:
    facts = RunFacts(digits)
    gain = {"gain_low": -0.6, "gain_high": -0.1}
    facts.results = {**facts.results, "test_accuracy": 0.1, **gain}
    assert results.headline(facts).comparison.endswith("the network is worse.")
    facts = RunFacts(train("regress", {"windows": 12}, tmp_path))
    facts.results = {**facts.results, "last10_mse": 0.7}
    assert results.headline(facts).comparison.endswith("the network is worse.")


def test_a_result_of_few_rows_carries_its_interval(digits: Run) -> None:
    facts = RunFacts(digits)
    rows = {row.name: row for row in results.tables(facts)["At the end of the run"]}
    assert " %, 95 % interval " in rows["test_accuracy"].value
    assert not [name for name in rows if name.endswith(("_low", "_high"))]
    assert "95 % interval" in results.headline(facts).name
    derived = {row.name for row in results.tables(facts)["Derived from the saved arrays"]}
    assert "interval" not in derived
    of_05 = {n: v for n, v in facts.results.items() if not n.endswith(("_low", "_high"))}
    del of_05["interval_rows"]
    facts.results = of_05
    assert "95 % interval" not in results.headline(facts).name
    derived = {row.name for row in results.tables(facts)["Derived from the saved arrays"]}
    assert "interval" in derived


def test_a_run_without_test_rows_says_that_its_error_is_unknown(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(40, 6)))
    values = {"data": str(tmp_path / "rows.npy"), "test_fraction": 0.0, "max_steps": 3}
    top = results.headline(RunFacts(train("autoencode", values, tmp_path)))
    assert top.name == "training loss at the end"
    assert "the error on other rows is unknown" in top.comparison


def test_a_run_that_logged_nothing_has_a_headline(tmp_path: Path) -> None:
    data = str(write_digits(tmp_path / "digits"))
    run = train("autoencode", {"data": data, "max_steps": 9}, tmp_path, steps=0)
    assert results.headline(RunFacts(run)).value == "none"


def test_a_confusion_matrix_of_the_wrong_size_is_ignored(digits: Run) -> None:
    facts = RunFacts(digits)
    facts.final_arrays = {**facts.final_arrays, "confusion": np.ones((2, 2), "int32")}
    assert results.confusion(facts) is None
    assert results.by_class(facts) == []
