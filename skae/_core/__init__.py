"""Everything here speaks tensors; nothing here knows an estimator."""
