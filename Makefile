# Every target does its own set-up, and `make` alone lists them. CI runs .ci/run, which runs the same targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2

.PHONY: help test check lint doc deny cargo-deny demo clean

help: ## Lists the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  %-12s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

test: ## Runs every test, the examples in the documentation among them
	@$(CARGO) test --locked --doc
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --no-fail-fast; \
	else \
		echo 'cargo-nextest is not installed: running `cargo test` instead'; \
		$(CARGO) test --locked --all-targets --no-fail-fast; \
	fi

check: lint doc test ## Runs all that a change has to pass: format, lints, documentation, tests

lint: ## Checks format and lints
	@$(CARGO) fmt --check
	@$(CARGO) clippy --locked --all-targets -- -D warnings

doc: ## Builds the documentation; a broken link is an error
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

deny: cargo-deny ## Checks licences, sources, duplicates and known vulnerabilities of what is built in
	@if $(CARGO) deny --locked fetch db 2>/dev/null; then \
		$(CARGO) deny --locked check --disable-fetch; \
	else \
		echo 'the advisory database cannot be had: known vulnerabilities are NOT checked, the rest is'; \
		$(CARGO) deny --locked check licenses bans sources; \
	fi

cargo-deny: ## Installs cargo-deny where it is missing, which takes some minutes
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		echo 'cargo-deny is not installed: building version $(CARGO_DENY_VERSION), which takes some minutes'; \
		$(CARGO) install --quiet --locked cargo-deny --version $(CARGO_DENY_VERSION); \
	fi

demo: ## Shows the product at work, without AWS
	@$(CARGO) run --quiet --locked -- demo

clean: ## Removes what was built
	@$(CARGO) clean
