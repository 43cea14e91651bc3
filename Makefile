# Every target does its own set-up, and `make` alone lists them. CI runs .ci/run, which runs the same targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2

# Where `make tools` puts what is not written in Rust.
export RETRIER_TOOLS ?= $(CURDIR)/.tools

.PHONY: bench classify-report help test check lint lint-template doc deny audit cargo-deny demo local tools judge scoreboard fuzz mutants package function clean

help: ## Lists the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  %-15s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

test: tools ## Runs every test, the examples in the documentation among them
	@$(CARGO) test --locked --doc
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		tests/tools/with-ministack $(CARGO) nextest run --locked --no-fail-fast; \
	else \
		echo 'cargo-nextest is not installed: running `cargo test` instead'; \
		tests/tools/with-ministack $(CARGO) test --locked --all-targets --no-fail-fast; \
	fi

check: lint doc test ## Runs all that a change has to pass: format, lints, documentation, tests

lint: ## Checks format and lints
	@$(CARGO) fmt --check
	@$(CARGO) clippy --locked --all-targets -- -D warnings
	@$(CARGO) clippy --locked --no-default-features --all-targets -- -D warnings
	@$(CARGO) clippy --locked --no-default-features --features function --bin retrier-lambda -- -D warnings
	@$(CARGO) fmt --check --manifest-path benches/Cargo.toml
	@$(CARGO) clippy --locked --manifest-path benches/Cargo.toml --target-dir target/benches -- -D warnings

lint-template: tools ## Lints the template as it is and as CloudFormation gets it, and every IAM policy in it
	@$(CARGO) test --locked --test it -- stack::lint

doc: ## Builds the documentation; a broken link is an error
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

deny: cargo-deny ## Checks licences, sources, duplicates and known vulnerabilities of what is built in
	@if $(CARGO) deny --locked fetch db 2>/dev/null; then \
		$(CARGO) deny --locked check --disable-fetch; \
	else \
		echo 'the advisory database cannot be had: known vulnerabilities are NOT checked, the rest is'; \
		$(CARGO) deny --locked check licenses bans sources; \
	fi

audit: tools cargo-deny ## Checks template, permissions, dependencies and the built function, and lists what was measured; QUICK=1 builds nothing
	@tests/tools/install audit crates
	@QUICK='$(QUICK)' tests/tools/audit --write docs/audit.md

cargo-deny: ## Installs cargo-deny where it is missing, which takes some minutes
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		echo 'cargo-deny is not installed: building version $(CARGO_DENY_VERSION), which takes some minutes'; \
		$(CARGO) install --quiet --locked cargo-deny --version $(CARGO_DENY_VERSION); \
	fi

demo: ## Shows the product at work, without AWS
	@$(CARGO) run --quiet --locked -- demo

local: tools ## Runs the deployed product on this machine, without AWS, to be tried by hand; Ctrl-C ends it
	@tests/tools/local

tools: ## Installs MiniStack, microburst, the AWS SAM CLI with cargo-lambda, and the AWS CLI into .tools; needs Python
	@tests/tools/install

judge: tools ## Holds the ledger against AWS's own DynamoDB Local as well, which it fetches; needs Java and npm
	@tests/tools/judge

# Figures to measure, such as `FIGURES="model crash-matrix"`; all of them where it is empty.
FIGURES ?=
scoreboard: tools ## Runs the proofs at full size, which takes an hour or two, and writes docs/scoreboard.md; resumable
	@tests/tools/scoreboard --write docs/scoreboard.md $(FIGURES)

fuzz: ## Feeds every reader of foreign text ten million inputs, and goes on where it was interrupted; RUNS=20000 is a short run
	@RUNS='$(RUNS)' TARGETS='$(TARGETS)' LIMIT='$(LIMIT)' FRESH='$(FRESH)' tests/tools/fuzz

mutants: ## Changes the core in every way and has the tests notice; goes on where it was interrupted; SHARD=1/8, DIFF=origin/main
	@SHARD='$(SHARD)' FILES='$(FILES)' DIFF='$(DIFF)' LEDGER='$(LEDGER)' LIMIT='$(LIMIT)' QUICK='$(QUICK)' FRESH='$(FRESH)' \
		tests/tools/mutants

# Labelled failures of your own: JSON lines as `retrier classify` reads them, with `label` and `class`.
LABELLED ?=
classify-report: ## Holds the classification against labelled failures, the project's own and LABELLED
	@LABELLED='$(LABELLED)' tests/tools/classify-report

# Options of the benchmark, such as `OPTIONS="--rounds 3 --events 20"`.
OPTIONS ?=
bench: tools ## Measures the function beside an empty one and a boto3 handler, and writes docs/performance.md
	@tests/tools/install boto3
	@tests/tools/bench --write docs/performance.md $(OPTIONS)

package: tools ## Builds the function for release, for both architectures, into target/function, with sums and a bill of materials
	@tests/tools/install crates
	@for architecture in arm64 x86_64; do \
		folder=target/function/$$architecture; \
		echo "package: building for $$architecture"; \
		mkdir -p "$$folder"; \
		$(MAKE) --no-print-directory function ARCHITECTURE=$$architecture ARTIFACTS_DIR="$$folder"; \
		python3 -m zipfile -c "target/function/retrier-$$architecture.zip" "$$folder/bootstrap" "$$folder/policy.yaml"; \
		wc -c "$$folder/bootstrap" "target/function/retrier-$$architecture.zip" | sed '$$d'; \
	done
	@PATH="$(RETRIER_TOOLS)/crates/bin:$$PATH" SOURCE_DATE_EPOCH=0 $(CARGO) cyclonedx --quiet --format json --no-build-deps \
		--no-default-features --features function --override-filename retrier-lambda.cdx
	@mv retrier-lambda.cdx.json target/function/
	@cd target/function && sha256sum retrier-*.zip arm64/bootstrap x86_64/bootstrap retrier-lambda.cdx.json | tee SHA256SUMS

# What `sam build` runs through infra/*/Makefile: policy and binary for ARCHITECTURE go to ARTIFACTS_DIR, and a policy that
# does not compile goes nowhere. FUNCTION_BINARY is packed, stripped, instead of building one; tests use that.
RETRIER ?= $(CARGO) run --quiet --locked --no-default-features --bin retrier --
# Where it is built.
BUILT = $(or $(CARGO_TARGET_DIR),target)
# The binary says nothing of where it was built, so that it is the same bit for bit wherever that was.
SAME_PATHS = --remap-path-prefix=$(CURDIR)=/retrier --remap-path-prefix=$(abspath $(BUILT))=/retrier/target \
	--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo
# The policy that is packaged.
POLICY ?= infra/policy.yaml
function:
	@$(RETRIER) validate '$(POLICY)'
	@export PATH="$(RETRIER_TOOLS)/sam/bin:$(RETRIER_TOOLS)/crates/bin:$$PATH"; \
	if [ -n '$(FUNCTION_BINARY)' ]; then \
		install -D -s -m 755 '$(FUNCTION_BINARY)' '$(ARTIFACTS_DIR)/bootstrap'; \
	else \
		if ! $(CARGO) lambda --version >/dev/null 2>&1; then \
			echo 'error: cargo-lambda is not installed' >&2; \
			echo 'hint: `make tools` installs it, see also https://www.cargo-lambda.info' >&2; \
			exit 1; \
		fi; \
		auditable=''; \
		if $(CARGO) auditable --version >/dev/null 2>&1; then auditable=auditable; fi; \
		export RUSTFLAGS="$${RUSTFLAGS:-} $(SAME_PATHS)"; \
		$(CARGO) $$auditable lambda build --quiet --locked --profile function --no-default-features --features function \
			--bin retrier-lambda --$(subst _,-,$(ARCHITECTURE)) --lambda-dir $(BUILT)/lambda/$(ARCHITECTURE); \
		install -D -m 755 $(BUILT)/lambda/$(ARCHITECTURE)/retrier-lambda/bootstrap '$(ARTIFACTS_DIR)/bootstrap'; \
	fi
	@install -m 644 '$(POLICY)' '$(ARTIFACTS_DIR)/policy.yaml'

clean: ## Removes what was built and installed
	@$(CARGO) clean
	@rm -rf .tools .aws-sam
