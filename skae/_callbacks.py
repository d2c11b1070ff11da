"""Bridge from the epochs of training to scikit-learn's callbacks."""

from skorch.callbacks import Callback

__all__ = ["FitTasks"]


class FitTasks(Callback):
    """Makes fit a task, and every epoch a subtask of it, for scikit-learn's callbacks.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Context of the whole fit.
    **arguments
        What scikit-learn's hooks receive beside the context: the estimator, X, y and
        metadata.
    """

    # From the net to the attributes of an estimator fitted up to here; set before
    # training, and called only for callbacks that ask for a fitted estimator.
    fitted_attributes = None

    def __init__(self, context, **arguments):
        self.context = context
        self.arguments = arguments

    def begin_fit(self):
        self.context.call_on_fit_task_begin(**self.arguments)

    def end_fit(self):
        """To be called once the estimator itself is fitted."""
        self.context.call_on_fit_task_end(**self.arguments, reconstruction_attributes={})

    def on_train_begin(self, net, **kwargs):
        self.epoch_ = None

    def on_epoch_begin(self, net, **kwargs):
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(**self.arguments)

    def on_epoch_end(self, net, **kwargs):
        if self._end_epoch(net):
            raise KeyboardInterrupt  # skorch's signal to stop

    def on_train_end(self, net, **kwargs):
        if self.epoch_ is not None:  # Ctrl-C came in the middle of it
            self._end_epoch(net)

    def _end_epoch(self, net):
        """Whether a callback of scikit-learn's asks to stop."""
        epoch, self.epoch_ = self.epoch_, None
        return epoch.call_on_fit_task_end(
            **self.arguments,
            reconstruction_attributes=lambda: self.fitted_attributes(net),
        )
