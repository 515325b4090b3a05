# make run     one scale-out event, end to end, on an offline cloud of its own
# make test    everything that must hold, on Python 3.10 and 3.12 where both are present

PYTHON ?= python3
EVENT ?=
SEED ?=
COUNT ?=
RUNTIME ?= python3.10

.PHONY: help run test lint cloud chaos fuzz mutants coverage emulator-coverage lock clean bench race \
	package deploy plan-deploy destroy

help:
	@echo "make run [EVENT=file]   deliver an event to the function on an offline cloud, and watch"
	@echo "make test               run every test on Python 3.10 and 3.12, where they are present"
	@echo "make bench              measure it beside what a user would write, into docs/performance.md"
	@echo "make race               explore the protocol under every interleaving, five minutes"
	@echo "make lint               ruff and mypy"
	@echo "make cloud              serve the offline cloud on port 8900 until interrupted"
	@echo "make chaos              1,000 deliveries while calls fail and processes die"
	@echo "make fuzz               200,000 bent inputs to everything that reads one"
	@echo "make mutants            300 small defects of the function, and which of them the tests miss"
	@echo "                        race, chaos, fuzz and mutants print their seed; SEED=… repeats it"
	@echo "make package            the zip for Function Compute; RUNTIME=python3.10 or python3.12"
	@echo "make plan-deploy        what make deploy would change, by deploy/config.yml"
	@echo "make deploy             package, upload, create or update the stack, print its outputs"
	@echo "make destroy            delete the stack"
	@echo "make coverage           what the tests reach"
	@echo "make emulator-coverage  write docs/emulator-coverage.md from the code"
	@echo "make lock               resolve the requirements anew"
	@echo "make clean              remove what was generated"

run: .venv/.ready
	@.venv/bin/python -m opskit run $(if $(EVENT),'$(EVENT)')

test: .venv/.ready
	@.venv/bin/python tests/environments.py

bench: .venv/.ready
	@.venv/bin/python -m bench

race: .venv/.ready
	@PYTHONPATH=tests .venv/bin/python -m race $(if $(SEED),--seed '$(SEED)')

lint: .venv/.ready
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

cloud: .venv/.ready
	@.venv/bin/python -m localcloud --port 8900

chaos: .venv/.ready
	@PYTHONPATH=tests .venv/bin/python -m chaos $(if $(SEED),--seed '$(SEED)')

fuzz: .venv/.ready
	@PYTHONPATH=tests .venv/bin/python -m fuzz $(if $(SEED),--seed '$(SEED)')

mutants: .venv/.ready
	@PYTHONPATH=tests .venv/bin/python -m mutation $(if $(SEED),--seed '$(SEED)') $(if $(COUNT),--count '$(COUNT)')

package: .venv/.ready
	@.venv/bin/python -m opskit package --runtime '$(RUNTIME)'

deploy plan-deploy destroy: .venv/.ready
	@.venv/bin/python -m opskit $@

coverage: .venv/.ready
	.venv/bin/coverage run -m pytest -q
	.venv/bin/coverage report

emulator-coverage: .venv/.ready
	.venv/bin/python -m localcloud.coverage > docs/emulator-coverage.md

.venv/.ready: requirements-dev.txt requirements-ros.txt
	@$(PYTHON) tests/environments.py .venv

lock: .venv/.ready
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes \
		--custom-compile-command "make lock" --quiet --output-file requirements.txt
	.venv/bin/uv pip compile pyproject.toml --extra opskit --group dev \
		--constraint requirements.txt --universal --python-version 3.10 --generate-hashes \
		--custom-compile-command "make lock" --quiet --output-file requirements-dev.txt
	printf 'ros-cdk-%s\n' ess fc fc3 mns ram sls | .venv/bin/uv pip compile - --no-deps --universal \
		--python-version 3.10 --generate-hashes --custom-compile-command "make lock" --quiet \
		--output-file requirements-ros.txt
	printf 'setuptools\n' | .venv/bin/uv pip compile - --universal --python-version 3.10 \
		--generate-hashes --custom-compile-command "make lock" --quiet \
		--output-file requirements-build.txt

clean:
	rm -rf .venv .venv-* .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis build
