# make run     one scale-out, end to end, on an offline cloud
# make test    all tests, on one interpreter
# make help    every other target

PYTHON ?= python3
EVENT ?=
SEED ?=
COUNT ?=
RUNTIME ?= python3.10

.PHONY: help run test test-all setup lint cloud chaos fuzz mutants coverage emulator-coverage lock clean \
	bench race package deploy plan-deploy destroy

help:
	@echo "make run                scale out and in on an offline cloud, and print what happens;"
	@echo "                        EVENT=file sends that event to the function instead"
	@echo "make test               run all tests on one interpreter; about 90 s on two cores"
	@echo "make test-all           run all tests on Python 3.10 and 3.12, if they are installed"
	@echo "make setup              install everything that the other targets need in .venv"
	@echo "make lint               run ruff and mypy"
	@echo "make cloud              serve the offline cloud on port 8900 until Ctrl-C"
	@echo "make bench              measure the function and its peers; write docs/performance.md"
	@echo "make race               explore the protocol in every order of steps; five minutes"
	@echo "make chaos              deliver 1,000 events while API calls fail and processes die"
	@echo "make fuzz               send 200,000 malformed inputs to every parser"
	@echo "make mutants            make 300 small defects, and list those that no test finds"
	@echo "                        race, chaos, fuzz and mutants print a seed; SEED=n repeats a run"
	@echo "make package            build the zip file; RUNTIME=python3.10 or python3.12"
	@echo "make plan-deploy        show what make deploy would change"
	@echo "make deploy             deploy the stack that deploy/config.yml describes"
	@echo "make destroy            delete the stack"
	@echo "make coverage           measure which lines the tests run"
	@echo "make emulator-coverage  write docs/emulator-coverage.md from the code"
	@echo "make lock               update the lock files of all requirements"
	@echo "make clean              delete everything that was generated"
	@echo ""
	@echo "If a command fails, make itself ends with status 2 and prints the command's own status."
	@echo "PYTHON=python3.12 chooses the interpreter that .venv is created with."

run: .venv/.ready-run
	@.venv/bin/python -m opskit run $(if $(EVENT),'$(EVENT)')

test: .venv/.ready-dev
	@.venv/bin/python tools/run_tests.py

test-all: .venv/.ready-dev
	@.venv/bin/python tools/run_tests.py --all

setup: .venv/.ready-dev

bench: .venv/.ready-dev
	@.venv/bin/python -m bench

race: .venv/.ready-dev
	@PYTHONPATH=tests .venv/bin/python -m race $(if $(SEED),--seed '$(SEED)')

lint: .venv/.ready-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

cloud: .venv/.ready-run
	@.venv/bin/python -m localcloud --port 8900

chaos: .venv/.ready-dev
	@PYTHONPATH=tests .venv/bin/python -m chaos $(if $(SEED),--seed '$(SEED)')

fuzz: .venv/.ready-dev
	@PYTHONPATH=tests .venv/bin/python -m fuzz $(if $(SEED),--seed '$(SEED)')

mutants: .venv/.ready-dev
	@PYTHONPATH=tests .venv/bin/python -m mutation $(if $(SEED),--seed '$(SEED)') $(if $(COUNT),--count '$(COUNT)')

package: .venv/.ready-dev
	@.venv/bin/python -m opskit package --runtime '$(RUNTIME)'

deploy plan-deploy destroy: .venv/.ready-dev
	@.venv/bin/python -m opskit $@

coverage: .venv/.ready-dev
	.venv/bin/coverage run -m pytest -q
	.venv/bin/coverage report

emulator-coverage: .venv/.ready-dev
	.venv/bin/python -m localcloud.coverage > docs/emulator-coverage.md

.venv/.ready-run: requirements-run.txt requirements-build.txt
	@$(PYTHON) tools/create_venv.py .venv run

.venv/.ready-dev: requirements-run.txt requirements-dev.txt requirements-ros.txt requirements-build.txt
	@$(PYTHON) tools/create_venv.py .venv dev

lock: .venv/.ready-dev
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes \
		--custom-compile-command "make lock" --quiet --output-file requirements.txt
	.venv/bin/uv pip compile pyproject.toml --extra opskit --group dev \
		--constraint requirements.txt --universal --python-version 3.10 --generate-hashes \
		--custom-compile-command "make lock" --quiet --output-file requirements-dev.txt
	.venv/bin/uv pip compile pyproject.toml --group run --constraint requirements-dev.txt --universal \
		--python-version 3.10 --generate-hashes --custom-compile-command "make lock" --quiet \
		--output-file requirements-run.txt
	printf 'ros-cdk-%s\n' ess fc fc3 mns ram sls | .venv/bin/uv pip compile - --no-deps --universal \
		--python-version 3.10 --generate-hashes --custom-compile-command "make lock" --quiet \
		--output-file requirements-ros.txt
	printf 'setuptools\n' | .venv/bin/uv pip compile - --universal --python-version 3.10 \
		--generate-hashes --custom-compile-command "make lock" --quiet \
		--output-file requirements-build.txt

clean:
	rm -rf .venv .venv-* .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis build
