# make run: set up, then the drawn street through the line, recorded.
# make test: set up, then the tests. Neither installs torch; test-models does.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOURS ?= 1
EXAMPLES ?= 20
PROCESSOR ?= cortex-a72
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

.PHONY: run test explore test-arm test-container test-models check check-models bench soak fleet newest clean

run: $(VENV)/.runtime
	@echo "Look at http://127.0.0.1:5580/ while it runs."
	$(BIN)/python run_pipeline.py configs/pipeline/demo.yaml \
		--set record.jsonl=out/demo.jsonl --set record.video=out/demo.mp4
	@echo "Your own camera: $(BIN)/python run_pipeline.py --source rtsp://user:password@address/stream"
	@echo "Its detections:  $(BIN)/python -m pipeline.client tcp://127.0.0.1:5570"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# New random examples of everything that is tested with some: so many times as many as usual.
explore: $(VENV)/.dev
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n auto --dist loadfile -m "hypothesis and not bench and not torch"

test-models: $(VENV)/.train
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest tests/models -m "torch"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --exclude '^tests/(models|benchmarks|golden)/' pipeline stages deploy run_pipeline.py thunderline.py setup.py tests
	$(BIN)/lint-imports
	$(BIN)/codespell

# Apart from `check`, because it needs torch.
check-models: $(VENV)/.train
	$(BIN)/mypy models tests/models tests/benchmarks tests/golden

# BEFORE=/path/of/another/checkout: start and memory beside those of another version.
bench: $(VENV)/.bench
	THUNDERLINE_BENCH_BEFORE=$(BEFORE) $(BIN)/python -m pytest tests/benchmarks -m bench -s
	$(BIN)/python -m tests.benchmarks.detectors $(PEERS)

# Whatever can be done to a line is done to it by chance; out/soak/report.html tells of it.
soak: $(VENV)/.dev
	$(BIN)/python -m tests.faults.soak --hours $(HOURS) --out out/soak

# 200 boards, ten servers of sites and a hub in network name spaces of their own; needs root.
fleet: $(VENV)/.dev
	$(BIN)/python -m tests.fleet.simulation --out out/fleet

# What depends on the processor, on an emulated one, goes on where it was: docs/performance.md.
# PROCESSOR=cortex-a76, too.
test-arm: $(VENV)/.dev
	$(BIN)/python -m tests.arm --cpu $(PROCESSOR)

# The container, and the unit under a real systemd: CONTRIBUTING.md says what it takes.
# ARCHITECTURE=arm64, too.
test-container: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow tests/deploy/test_container.py tests/deploy/test_systemd.py

# The tests with the newest release of everything, whatever constraints.txt says: docs/versions.md.
newest: $(VENV)/.dev
	$(BIN)/python -m tests.newest $(NEWEST)

$(VENV)/bin/python:
	@echo "Set up, once: packages go into $(VENV), nothing outside this folder changes."
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what a line runs on, with pip: PyAV and OpenCV (video), ONNX Runtime (the network),"
	@echo "NumPy, ZeroMQ, starlette and uvicorn (the page), and small ones: 145 MB to load, 460 MB on"
	@echo "disk. This takes a minute or more."
	@$(PIP) --editable '.[web]'
	@echo "Installed."
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "Installing what checks and tests it: ruff, mypy, pytest, hypothesis and others: 50 MB to load"
	@$(PIP) --editable '.[dev,mqtt,fleet,fleet-export]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@echo "Installing what it is compared with: OpenVINO, ncnn, onnx, matplotlib"
	@$(PIP) --editable '.[bench]'
	@touch $@

# torch comes without the CUDA packages where a CPU build is at hand; see docs/training.md.
$(VENV)/.train: $(VENV)/.dev
	@echo "Installing what trains the network: torch (200 MB to load, gigabytes with CUDA) and others"
	@$(PIP) torch==2.13.0
	@$(PIP) --editable '.[train]'
	@touch $@

clean:
	rm -rf $(VENV) out runs
