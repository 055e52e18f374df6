# The jobs of the project, on a machine that has Rust. What a job needs and the machine lacks goes below
# target/tools, which `make clean` removes; only the DNS tools are installed into the system.

SITE ?= jeveuxaider
DRILL ?= redirect-drops-query

BLUEPRINT := blueprints/$(SITE).toml
GOLIVE := cargo run --locked --quiet --
TOOLS := target/tools/bin
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

# Debian keeps nginx out of the path of ordinary users.
SBIN := /usr/local/sbin:/usr/sbin:/sbin
find = $(shell PATH="$$PATH:$(SBIN)"; command -v $(1))
# Looked for before PATH is extended below: a tool built here does not count as the machine's own.
NGINX := $(if $(call find,nginx),,$(TOOLS)/nginx)
TERRAFORM := $(if $(call find,terraform)$(call find,tofu),,$(if $(call find,go),$(TOOLS)/tofu,no-terraform))
DNS_TOOLS := $(if $(and $(call find,named-checkzone),$(call find,dig)),,dns-tools)

export PATH := $(CURDIR)/$(TOOLS):$(PATH):$(SBIN)
# anyhow would add a backtrace to the messages that tests compare.
unexport RUST_BACKTRACE

.DEFAULT_GOAL := help
.PHONY: help rehearse test lint bench clean tools dns-tools no-terraform

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

rehearse: $(NGINX) ## Run and verify the configuration of SITE (jeveuxaider) here, then let one fault (DRILL) be caught
	cargo build --locked
	$(GOLIVE) generate $(BLUEPRINT)
	$(GOLIVE) rehearse $(BLUEPRINT)
	$(GOLIVE) rehearse $(BLUEPRINT) --drill $(DRILL)

test: tools ## Every test, with real nginx, DNS tools and Terraform; installs those that are missing
	cargo test --locked --no-fail-fast

lint: ## Format, clippy, documentation; warnings are errors
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

bench: $(NGINX) ## Time the start of the binary, lint and generate, and the healthy rehearsal
	cargo bench --locked

clean: ## Remove target/, the tools in it included
	cargo clean

tools: $(NGINX) $(DNS_TOOLS) $(TERRAFORM)

# The program alone, taken out of its package: installing the package would start a web server on port 80, now and
# at every boot. Which package holds the program differs between releases of Debian and Ubuntu.
$(TOOLS)/nginx:
	@set -eu; \
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then \
		echo 'nginx is missing, and this is neither Debian nor Ubuntu: install nginx 1.18 or newer' >&2; exit 1; \
	fi; \
	rm -rf target/tools/nginx; mkdir -p target/tools/nginx $(TOOLS); cd target/tools/nginx; \
	get() { apt-get -qq -o APT::Sandbox::User=root download "$$1"; }; \
	for package in nginx nginx-core nginx-light; do \
		echo "nginx is missing: taking it from the package $$package"; \
		get $$package || { $(SUDO) apt-get -qq update; get $$package; }; \
		dpkg --extract $${package}_*.deb .; \
		if [ -x usr/sbin/nginx ]; then break; fi; \
	done; \
	if ! usr/sbin/nginx -v; then \
		echo 'the nginx of this system lacks a library: install the package nginx, stop its service, try again' >&2; \
		exit 1; \
	fi; \
	mv usr/sbin/nginx $(CURDIR)/$@; cd $(CURDIR); rm -r target/tools/nginx

# Clients only: these packages start no name server. Here and below a failure is passed over (`-`): the tests that
# need the tool then fail as NOT RUN, and the others still say what they know.
dns-tools:
	-@set -eu; \
	if command -v apt-get >/dev/null; then \
		install='$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends'; \
		$$install bind9-utils bind9-dnsutils || { $(SUDO) apt-get -qq update; $$install bind9-utils bind9-dnsutils; }; \
	else \
		echo 'named-checkzone or dig is missing: tests that need them will say NOT RUN, and fail' >&2; \
	fi

# The directory is a Go module only for this: go.sum pins every byte of the source. Without the variable of the linker
# OpenTofu calls itself a development build.
TOFU_LDFLAGS := -s -w -X github.com/opentofu/opentofu/version.dev=no
$(TOOLS)/tofu: tests/contract/go.mod tests/contract/go.sum
	@echo 'terraform and tofu are missing: building OpenTofu, some minutes the first time'
	@mkdir -p $(TOOLS)
	-cd tests/contract && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags='$(TOFU_LDFLAGS)' -o $(CURDIR)/$@ \
		github.com/opentofu/opentofu/cmd/tofu

no-terraform:
	@echo 'terraform, tofu and go are missing: tests that need Terraform will say NOT RUN, and fail' >&2
