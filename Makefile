# The verbs of the project; .ci/run and .pre-commit-config.yaml say the same. Work in a virtual environment.
PYTHON ?= python
BENCHMARKS := $(sort $(wildcard benchmarks/*.py))

.PHONY: help install fmt check dashboard manifests types test test-long bench bench-backup bench-dashboard \
	bench-engine bench-gateway \
	bench-monitoring bench-themes load build sbom audit release publish

help: ## Show the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: ## Install the package for work on it, with all that the verbs need
	$(PYTHON) -m pip install --editable '.[demo,test]'

fmt: ## Format the code, and mend what can be mended by rule
	ruff format .
	ruff check --fix .
	python hatch_build.py run format

check: ## Format, lint, types, and which way the code depends
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python hatch_build.py run check

dashboard: ## Build the dashboard into the package
	python hatch_build.py

manifests: ## Make what manifests repeat of the code and of the chart
	$(PYTHON) deploy/make.py

types: ## Make the dashboard's types from the API's description
	python dashboard/describe.py > dashboard/description.json
	python hatch_build.py run types description.json
	rm dashboard/description.json

test: ## Run all tests, in two processes, since most of them wait for something
	pytest -n 2 --dist loadfile

test-long: ## Run 100,000 schedules of crashes, read damaged files for 10 minutes, send the API what it does not expect, outlive Ray's patience with a dead head, cut off a node
	EOPIEZ_SCHEDULES=100000 pytest tests/machine/test_simulation.py -o timeout=3600
	EOPIEZ_FUZZ_SECONDS=40 pytest tests/phases/test_io_fuzz.py
	EOPIEZ_API_EXAMPLES=40 pytest tests/gateway/test_description.py
	EOPIEZ_OUTAGE_SECONDS=75 pytest tests/engine/test_clusters.py -k head_that_dies
	EOPIEZ_HEAD_KILLS=2 pytest tests/engine/test_lost_heads.py -s
	EOPIEZ_NODE_CUTS=2 pytest tests/engine/test_cut_nodes.py tests/store/test_silence.py -s
	EOPIEZ_WATCHED=1 pytest tests/supervision/test_prometheus.py
	EOPIEZ_PODS=1 pytest tests/deploy/test_pods.py

bench: ## Run every benchmark, one after the other
	@set -e; for script in $(BENCHMARKS); do echo "== $$script"; $(PYTHON) $$script; done

bench-engine: ## Run the engine's benchmark against its rivals
	$(PYTHON) benchmarks/engine.py

bench-backup: ## Measure backups of a large system: what they cost, and how fast they come back
	$(PYTHON) benchmarks/backup.py

bench-dashboard: ## Measure the dashboard in a headless Chromium
	$(PYTHON) benchmarks/dashboard.py

bench-gateway: ## Measure the gateway on Ray Serve and under uvicorn
	$(PYTHON) benchmarks/gateway.py

bench-monitoring: ## Measure the monitoring of a large, simulated system
	$(PYTHON) benchmarks/monitoring.py

bench-themes: ## Compare themes with rivals' on BBC news and labelled COLLECTIONS (paths)
	$(PYTHON) benchmarks/themes.py $(COLLECTIONS)

load: ## Let 200 users use a whole system for ten minutes; LOAD="--users N --seconds N" for less
	$(PYTHON) benchmarks/load.py --json benchmarks/results/load.json $(LOAD)

build: ## Build the source distribution and the wheels of both distributions into dist/
	$(PYTHON) -m build --outdir dist .
	$(PYTHON) -m build --wheel --outdir dist client

sbom: build ## Write what the wheel brings into an empty environment to dist/, as CycloneDX
	$(PYTHON) -m venv --clear build/sbom
	build/sbom/bin/pip install --quiet dist/eopiez_ray-*.whl
	$(PYTHON) -m pip install --quiet 'cyclonedx-bom>=7'
	cyclonedx-py environment --output-reproducible --output-format JSON \
		--output-file dist/eopiez-ray.cdx.json build/sbom/bin/python

audit: ## Look for known faults of what is installed
	$(PYTHON) -m pip install --quiet 'pip-audit>=2.10'
	pip-audit --skip-editable

release: ## Build what is released as TAG, if tag, versions and changelog agree
	$(PYTHON) .ci/check_release.py '$(TAG)'
	$(MAKE) sbom

publish: ## Upload dist/ to the index that trusts this pipeline
	$(PYTHON) -m pip install --quiet 'twine>=6'
	twine upload --non-interactive dist/*.whl dist/*.tar.gz
