# make app: the app on http://127.0.0.1:8501      make test: all tests      make check: format, lint, types      make bench: speed against peers
# make lock: constraints.txt anew from what is installed      make audit: known vulnerabilities of what it locks
# make image: the app as a container's image
# Unset: the first of python3.11, python3.12, python3.13 that is there; .ci/find-python.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
AUDIT := .venv-audit
DOCKER ?= docker
IMAGE ?= tremor
# A folder with the CPU wheel of torch, which is in no index that pip asks by itself; docs/deployment.md says whence.
WHEELS ?= wheels
# On a busy machine torch's spinning threads cost more than they give; see docs/performance.md.
export OMP_NUM_THREADS ?= $(shell n=$$(nproc); echo $$(( n > 4 ? n / 2 : 1 )))
export OMP_WAIT_POLICY ?= PASSIVE
export TOKENIZERS_PARALLELISM ?= false
# Each thread of a server would get a heap of its own, and free memory would lie scattered over them; see core/memory/store.py.
export MALLOC_ARENA_MAX ?= 2
# Tests run in so many processes, whole files at a time; each loads its own models, so four at most. On one core, in this one.
WORKERS ?= $(shell n=$$(nproc); echo $$(( n > 4 ? 4 : n > 1 ? n : 0 )))

.PHONY: app test check bench cover lock audit image clean

app: $(VENV)/.app
	$(BIN)/streamlit run app.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

bench: $(VENV)/.dev
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s -q --timeout=3600

# docs/architecture.md from the imports, docs/results.md from the records and cards
.PHONY: docs
docs: $(VENV)/.app
	$(BIN)/python -m docs.architecture
	$(BIN)/python -m docs.results

cover: $(VENV)/.dev
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

# The exact version of every package, for `pip install -c`; `make lock UPGRADE=-U` raises what the requirements allow. Without local versions
# ("+cpu"): which build of torch is taken is the machine's affair.
lock: | $(VENV)/bin/python
	$(BIN)/pip install -q $(UPGRADE) -r requirements.txt -r requirements-dev.txt
	{ echo "# Every package that the tests ran with. Made by 'make lock'; change requirements.txt or requirements-dev.txt, then make it anew."; \
	  $(BIN)/pip freeze --local --all --exclude pip | sed -E 's/\+[A-Za-z0-9.]+$$//'; } >constraints.txt.part
	mv constraints.txt.part constraints.txt

audit: $(AUDIT)/.done
	$(AUDIT)/bin/python .ci/audit.py constraints.txt

image:
	@ls $(WHEELS)/torch-*.whl >/dev/null 2>&1 || { echo "No wheel of torch in $(WHEELS)/: make image WHEELS=FOLDER, see docs/deployment.md" >&2; exit 1; }
	$(DOCKER) build --build-context wheels=$(WHEELS) -t $(IMAGE) .

clean:
	rm -rf $(VENV) $(AUDIT) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

$(VENV)/bin/python:
	@python=$$(.ci/find-python $(PYTHON)) && set -x && "$$python" -m venv --clear $(VENV)

# Made anew also where the Python that .venv was made with is gone.
$(VENV)/.app: requirements.txt constraints.txt $(VENV)/bin/python
	$(BIN)/pip install -q -r requirements.txt -c constraints.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(BIN)/pip install -q -r requirements-dev.txt -c constraints.txt
	touch $@

$(AUDIT)/.done: requirements-audit.txt
	@python=$$(.ci/find-python $(PYTHON)) && set -x && "$$python" -m venv --clear $(AUDIT)
	$(AUDIT)/bin/pip install -q -r requirements-audit.txt
	touch $@
