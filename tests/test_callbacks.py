"""scikit-learn's callbacks, alone and through meta-estimators; they came with release 1.9."""

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skae import AutoencoderTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

if not hasattr(sklearn, "callback") and sklearn.__version__ < "1.9":

    def test_no_callbacks_before_1_9():
        assert not hasattr(AutoencoderTransformer(), "set_callbacks")

else:
    from sklearn.callback import ProgressBar, ScoringMonitor

    def explained(est, X, y):
        return 1 - np.square(X - est.inverse_transform(est.transform(X))).sum() / X.var()

    class Recorder:
        """Notes what the hooks receive; stops after some epochs."""

        def __init__(self, stop_after=None):
            self.stop_after = stop_after
            self.begun, self.ended, self.codes, self.fitted = [], [], [], []
            self.metadata = None

        def setup(self, estimator, context):
            self.set_up = True

        def teardown(self, estimator, context):
            self.torn_down = True

        def on_fit_task_begin(self, estimator, context, *, X=None, metadata=None):
            self.begun.append(context.task_name)
            self.metadata = metadata

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            self.ended.append(context.task_name)
            self.codes.append(fitted_estimator.transform(X[:5]))
            self.fitted.append(fitted_estimator)
            self.score = fitted_estimator.score(X)
            self.target = y
            return self.stop_after is not None and len(self.ended) == self.stop_after

    def test_epochs_are_subtasks(digits, quick):
        recorder = Recorder()
        est = quick().set_callbacks(recorder).fit(digits)
        assert recorder.begun == ["fit", *["epoch"] * 4]
        assert recorder.ended == [*["epoch"] * 4, "fit"]
        assert recorder.set_up
        assert recorder.torn_down
        np.testing.assert_array_equal(recorder.codes[-1], est.transform(digits[:5]))
        # Every epoch saw other weights, and none of them moved on afterwards.
        assert len({codes.tobytes() for codes in recorder.codes[:4]}) == 4
        for fitted, codes in zip(recorder.fitted, recorder.codes, strict=True):
            np.testing.assert_array_equal(fitted.transform(digits[:5]), codes)
        assert recorder.score == pytest.approx(est.score(digits))

    def test_callbacks_do_not_change_the_result(digits, quick):
        plain = quick().fit(digits).transform(digits)
        watched = quick().set_callbacks(Recorder()).fit(digits).transform(digits)
        np.testing.assert_array_equal(watched, plain)

    def test_callback_can_stop_training(digits, quick, recwarn):
        est = quick(max_iter=50).set_callbacks(Recorder(stop_after=3)).fit(digits)
        assert est.n_iter_ == 3
        assert est.transform(digits).shape == (300, 2)
        assert not recwarn.list

    def test_callback_can_stop_training_inside_meta_estimators(digits, quick, recwarn):
        class StopAtOnce(Recorder):
            def on_fit_task_end(self, estimator, context, **kwargs):
                return context.task_name == "epoch"

        est = quick(max_iter=50).set_callbacks(StopAtOnce())
        pipe = Pipeline([("scale", StandardScaler()), ("ae", est)])
        assert pipe.fit(digits)[-1].n_iter_ == 1
        search = GridSearchCV(pipe, {"ae__n_components": [1]}, cv=2).fit(digits)
        assert search.best_estimator_[-1].n_iter_ == 1
        assert not recwarn.list

    def test_ctrl_c_ends_every_task_that_was_begun(digits, quick):
        class CtrlC(Callback):
            def on_batch_end(self, net, training=False, **kwargs):
                if len(net.history) == 3:
                    raise KeyboardInterrupt

        recorder = Recorder()
        quick(callbacks=[CtrlC()]).set_callbacks(recorder).fit(digits)
        assert recorder.begun == ["fit", *["epoch"] * 3]
        assert recorder.ended == [*["epoch"] * 3, "fit"]

    def test_metadata_and_target(digits, quick):
        recorder = Recorder()
        quick().set_callbacks(recorder).fit(digits, sample_weight=np.ones(300))
        assert recorder.metadata["sample_weight"].shape == (300,)
        assert recorder.target is digits

    def test_failing_fit_tears_down(quick):
        recorder = Recorder()
        with pytest.raises(ValueError, match="NaN"):
            quick().set_callbacks(recorder).fit([[np.nan]])
        assert recorder.torn_down

    def test_progress_bar_alone_and_through_meta_estimators(digits, quick, capsys):
        quick().set_callbacks(ProgressBar()).fit(digits)
        assert "AutoencoderTransformer - fit" in capsys.readouterr().out
        pipe = Pipeline([("scale", StandardScaler()), ("ae", quick())])
        pipe.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(digits)
        assert "AutoencoderTransformer - fit" in capsys.readouterr().out
        search = GridSearchCV(quick(), {"n_components": [1, 2]}, cv=2)
        search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(digits)
        assert "AutoencoderTransformer - fit" in capsys.readouterr().out

    def test_scoring_monitor(digits, quick):
        monitor = ScoringMonitor(scoring={"explained": explained})
        quick().set_callbacks(monitor).fit(digits)
        rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
        scores = [row["explained"] for row in rows]
        assert len(scores) == 4
        assert scores[-1] > scores[0]

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_scoring_monitor_through_a_search_of_pipelines(n_jobs, digits, quick):
        monitor = ScoringMonitor(scoring={"explained": explained})
        pipe = Pipeline([("scale", StandardScaler()), ("ae", quick().set_callbacks(monitor))])
        GridSearchCV(pipe, {"ae__n_components": [1, 2]}, cv=2, n_jobs=n_jobs).fit(digits)
        rows = [
            row
            for log in monitor.get_logs(select="all")
            for row in log.data
            if row["task_name"] == "epoch"
        ]
        assert len(rows) == (2 * 2 + 1) * 4
        assert all(np.isfinite(row["explained"]) for row in rows)

    def test_warm_start_and_resumed_fits_take_callbacks(digits, quick):
        recorder = Recorder()
        est = quick(warm_start=True).set_callbacks(recorder).fit(digits)
        est.fit(digits)
        assert recorder.ended.count("epoch") == 8
