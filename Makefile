# Every job a person does, one line each: `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON3 ?= python3
VENV := .venv
RUN := $(VENV)/bin/python wizard.py

# What to build; the release's defaults where nothing is given.
RELEASE ?= 2026a
DATE ?= $(shell date +%Y%m%d)
OS ?= bookworm
PYTHON ?= 3.11

# The flag $(1) with the value of the variable $(2), where that was given to make: what was not has `up` choose.
given = $(if $(filter command line,$(origin $(2))),--$(1) "$(3)")

# The BuildKit that BUILDKIT=ADDRESS names, with BUILDKIT_CERTS=DIR where it speaks TLS.
BUILDER = $(if $(BUILDKIT),--buildkit "$(BUILDKIT)") $(if $(BUILDKIT_CERTS),--buildkit-certs "$(BUILDKIT_CERTS)")

# The private key that SIGN_KEY=FILE names signs what is pushed.
SIGN = $(if $(SIGN_KEY),--sign-key "$(SIGN_KEY)")

# Where the code of BuildKit's messages lies, and below what it is generated.
PB := workbench/images/buildkit/llb/pb
INTO ?= .

.PHONY: help
help: ## List these jobs
	@echo "usage: make JOB [NAME=VALUE ...]"; echo
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
	@echo; echo "names: OS=$(OS) PYTHON=$(PYTHON) RELEASE=$(RELEASE) DATE=$(DATE)"

.PHONY: wizard
wizard: setup ## Choose a recipe by answering questions
	@$(RUN)

.PHONY: workbench
workbench: setup ## All the way to an open workbench: [IDE=vscode] [BUNDLE=…] [BASE=cuda] [OS=…] [PYTHON=…] [RELEASE=…] [DATE=…] [YES=1]
	@$(RUN) up $(call given,release,RELEASE,$(RELEASE)) $(call given,date,DATE,$(DATE)) $(call given,base,BASE,$(BASE)) \
		$(call given,os,OS,$(OS)) $(call given,python,PYTHON,$(PYTHON)) $(call given,bundle,BUNDLE,$(BUNDLE)) \
		$(call given,ide,IDE,$(IDE)) $(if $(YES),--yes)

.PHONY: setup
setup: $(VENV)/.ready ## Make .venv with what the tool needs to run

.PHONY: setup-dev
setup-dev: $(VENV)/.ready-dev ## Add what its tests, linters and benchmarks need

# pipenv is asked for by the version in its own lock, then installs the rest of that lock with hashes.
# The package index is pip's own choice unless PIP_INDEX_URL says otherwise. Python compiles modules when they are first
# imported: compiling all of them here would be a fifth of .venv.
SYNC := . workbench/lock/index-url.sh && PIP_COMPILE=0 VIRTUAL_ENV="$$PWD/$(VENV)" PIPENV_VERBOSITY=-1 $(VENV)/bin/pipenv sync --quiet
$(VENV)/.ready: Pipfile.lock
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON3) is older: name one with PYTHON3=/path/to/python" >&2; exit 1; }
	@$(PYTHON3) -m venv --clear $(VENV) || { \
		echo "$(PYTHON3) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "setting up $(VENV) from Pipfile.lock"
	@pin=$$($(PYTHON3) -c 'import json; print(json.load(open("Pipfile.lock"))["default"]["pipenv"]["version"])') \
		&& $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile "pipenv$$pin"
	@$(SYNC)
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@echo "adding the tools for development to $(VENV)"
	@$(SYNC) --dev
	@touch $@

# Which tests each run takes; tests/test_collection.py checks that no test is left out of all of them.
QUICK := not slow and not thorough
THOROUGH := thorough and not slow
ALL := not slow
SLOW := slow
# One process for each core. What shares images or a server goes to one of them: see tests/conftest.py.
PYTEST := $(VENV)/bin/python -m pytest --numprocesses=2 --dist=loadscope --no-loadscope-reorder

.PHONY: test
test: setup-dev ## Install what the real parts need, when that is allowed, and run the quick tests: 10 minutes on two cores
	@sh tests/install-system-packages.sh
	@$(PYTEST) -m "$(QUICK)" $(TESTS)

.PHONY: test-thorough
test-thorough: setup-dev ## Run what `make test` leaves out, but for the slow ones
	@sh tests/install-system-packages.sh
	@$(PYTEST) -m "$(THOROUGH)" $(TESTS)

.PHONY: test-all
test-all: setup-dev ## Run every test but the slow ones, as CI does in two parts: about 55 minutes on two cores
	@sh tests/install-system-packages.sh
	@$(PYTEST) -m "$(ALL)" $(TESTS)

.PHONY: test-slow
test-slow: setup-dev ## Build and use the large images too, PyTorch's among them: 30 GB of disk
	@sh tests/install-system-packages.sh
	@$(PYTEST) -m "$(SLOW)" $(TESTS)

.PHONY: lint
lint: setup-dev ## Formatter, linter and type checker, without changing a file
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check . && $(VENV)/bin/mypy

.PHONY: format
format: setup-dev ## Format the code
	@$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix .

.PHONY: goldens
goldens: setup-dev ## Take the composed recipes as they are now, for review with git diff
	@UPDATE_GOLDENS=1 $(VENV)/bin/python -m pytest --quiet tests/test_goldens.py

.PHONY: picture
picture: setup-dev ## Draw the wizard's picture for the README from its real screen
	@$(VENV)/bin/python -m tests.pictures

.PHONY: protos
protos: setup-dev ## Generate the code of BuildKit's messages anew, after a change of a .proto
	@$(VENV)/bin/python -m grpc_tools.protoc --proto_path=$(PB)=$(PB:pb=protos) --python_out=$(INTO) --pyi_out=$(INTO) \
		$(patsubst $(PB:pb=protos)/%,$(PB)/%,$(wildcard $(PB:pb=protos)/*.proto))

.PHONY: bench
bench: setup-dev ## Measure, as ratios against a named peer in the same run: the quick ones, or BENCH=name
	@$(VENV)/bin/python -m benchmarks $(BENCH)

.PHONY: lock
lock: setup ## Lock bundles with pipenv: all, or BUNDLE=… PYTHON=…; RELEASE=… for those a release has for itself
	@. workbench/lock/index-url.sh && $(RUN) lock $(if $(BUNDLE),--bundle $(BUNDLE)) $(if $(filter command line,$(origin PYTHON)),--python $(PYTHON)) $(if $(filter command line,$(origin RELEASE)),--release $(RELEASE))

.PHONY: release-freeze
release-freeze: setup ## Make RELEASE=… its own: from then on it is what releases/RELEASE holds
	@$(RUN) release freeze $(RELEASE)

.PHONY: release-update
release-update: setup ## Newer z of x.y.z for RELEASE=…, and nothing else; ALLOW="PACKAGE …" may go further
	@. workbench/lock/index-url.sh && $(RUN) release update $(RELEASE) $(foreach package,$(ALLOW),--allow $(package))

.PHONY: release-check
release-check: setup ## Check RELEASE=… against what was frozen and promised
	@$(RUN) release check $(RELEASE)

.PHONY: os-image
os-image: setup ## Make the root image of OS=… from its packages, without a registry; REPO=… pushes it there
	@$(RUN) os-image --os $(OS) $(if $(REPO),--push "$(REPO)" $(SIGN) $(BUILDER))

.PHONY: base
base: setup ## Build the base image: OS=… PYTHON=… RELEASE=… DATE=…
	@$(RUN) base --os $(OS) --python $(PYTHON) --release $(RELEASE) --date $(DATE)

.PHONY: cuda
cuda: setup ## Build the CUDA images on a base: OS=… PYTHON=… RELEASE=… DATE=… [LAYERS=runtime-cudnn,devel]
	@$(RUN) cuda --os $(OS) --python $(PYTHON) --release $(RELEASE) --date $(DATE) $(if $(LAYERS),--layers "$(LAYERS)")

.PHONY: recipes
recipes: setup ## Compose the standard set of a release: RELEASE=… DATE=…
	@$(RUN) recipes --release $(RELEASE) --date $(DATE) $(if $(REPO),--repo "$(REPO)")

.PHONY: images
images: recipes ## Build the standard set, bases and CUDA included: RELEASE=… DATE=… [JOBS=2] [REPO=…: push it there] [SIGN_KEY=FILE] [SOURCE=URL] [REVISION=COMMIT]
	@$(RUN) images --release $(RELEASE) --date $(DATE) $(if $(REPO),--repo "$(REPO)" --push $(SIGN)) $(BUILDER) $(if $(JOBS),--jobs $(JOBS)) $(if $(SOURCE),--source "$(SOURCE)") $(if $(REVISION),--revision "$(REVISION)")

.PHONY: push
push: setup ## Push the standard set, then move its `latest`: REPO=… RELEASE=… DATE=… [COMPRESSION=zstd:chunked] [SIGN_KEY=FILE]
	@$(RUN) push "$(REPO)" --release $(RELEASE) --date $(DATE) $(if $(COMPRESSION),--compression "$(COMPRESSION)") $(SIGN)

.PHONY: monobase-image
monobase-image: setup ## Build the image of monobase, daemon and models: OS=… PYTHON=… RELEASE=… DATE=…
	@$(RUN) monobase image --os $(OS) --python $(PYTHON) --release $(RELEASE) --date $(DATE)

.PHONY: service-image
service-image: setup ## Build the image that the service of replica sets runs in: OS=… PYTHON=… RELEASE=… DATE=…
	@$(RUN) service-image --os $(OS) --python $(PYTHON) --release $(RELEASE) --date $(DATE)

.PHONY: validate
validate: setup ## Start the base image and check its commands and Python: OS=… PYTHON=… RELEASE=… DATE=…
	@$(RUN) validate --os $(OS) --python $(PYTHON) --release $(RELEASE) --date $(DATE)

.PHONY: clean
clean: ## Remove .venv and caches; recipes and images stay
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache
