# Every target works alone on a fresh machine: it makes the environment it needs.
PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest
BENCH := .venv-bench
CHROMIUM ?= $(shell command -v chromium)

.PHONY: demo examples docs look test test-oldest bench bench-quality bench-metrics bench-variational lint format clean

demo: $(VENV)/installed
	$(VENV)/bin/python examples/plot_digits.py

# Figures of the gallery's examples are drawn, and thrown away.
examples: $(VENV)/installed
	for example in examples/plot_*.py; do MPLBACKEND=agg $(VENV)/bin/python $$example || exit 1; done

# The site, with every example run, in docs/_build/html. It takes no network; an example that
# warns of the user's doing or of numbers fails.
docs: $(VENV)/docs-installed
	PYTHONWARNINGS=error::UserWarning,error::RuntimeWarning $(VENV)/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html
	$(VENV)/bin/python docs/check_links.py docs/_build/html

# Every page of the site in headless Chromium, in a narrow and a wide window.
look: docs
	$(VENV)/bin/python -m pip install --quiet playwright
	CHROMIUM=$(CHROMIUM) $(VENV)/bin/python docs/look.py docs/_build/html docs/_build/pictures

# SCIPY_ARRAY_API lets scikit-learn run its array API check instead of skipping it. Two processes of
# one thread each take half the time of one with two; tests of threads set their number themselves.
PYTEST := -m pytest --numprocesses 2
test test-oldest: export SCIPY_ARRAY_API = 1
test test-oldest: export OMP_NUM_THREADS = 1

test: $(VENV)/installed
	$(VENV)/bin/python $(PYTEST)

test-oldest: $(OLDEST)/installed
	$(OLDEST)/bin/python $(PYTEST)

# On one thread, with the kernels that libraries find for the processor, whatever the shell asks for.
SINGLE := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_NUM_THREADS=1

# Some 25 minutes. MNIST=file.npz (X) takes the place of a stand-in of its size.
bench: $(BENCH)/installed
	$(BENCH)/bin/python benchmarks/bench.py $(if $(MNIST),--mnist $(MNIST))

# MNIST=file.npz (X) saves fetching it.
bench-quality: $(BENCH)/installed
	$(SINGLE) $(BENCH)/bin/python benchmarks/bench_quality.py $(if $(MNIST),--mnist $(MNIST))

bench-metrics: $(VENV)/installed
	$(SINGLE) $(VENV)/bin/python benchmarks/bench_metrics.py

# MNIST=file.npz (X and y) adds MNIST.
bench-variational: $(VENV)/installed
	$(SINGLE) $(VENV)/bin/python benchmarks/bench_variational.py $(if $(MNIST),--mnist $(MNIST))

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt -e ".[test,lint]"
	touch $@

$(VENV)/docs-installed: $(VENV)/installed
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	touch $@

$(OLDEST)/installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet -c constraints-oldest.txt -e ".[test]"
	touch $@

# Libraries that do not install are left out: the table says so. The newest encdr says that it
# takes a newer Python than it does.
$(BENCH)/installed: pyproject.toml constraints.txt benchmarks/libraries.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet -c constraints.txt -e .
	-$(BENCH)/bin/python -m pip install --quiet -c constraints.txt -r benchmarks/libraries.txt
	-$(BENCH)/bin/python -m pip install --quiet --no-deps --ignore-requires-python encdr==1.2.0
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(BENCH) .pytest_cache .ruff_cache
	rm -rf docs/_build docs/auto_examples docs/api/generated docs/api/backreferences
