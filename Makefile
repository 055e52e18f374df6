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
TERRAFORM := $(if $(call find,terraform),,$(TOOLS)/terraform)
OPENTOFU := $(or $(call find,tofu),$(TOOLS)/tofu)
DNS_TOOLS := $(if $(and $(call find,named-checkzone),$(call find,delv),$(call find,dig),$(call find,openssl)),,dns-tools)
CHROMIUM := $(if $(call find,chromium),,chromium)
NSD := $(if $(call find,nsd-checkzone),,$(TOOLS)/nsd-checkzone)
VARNISH := $(if $(call find,varnishd),,$(TOOLS)/varnishd)
HURL := $(TOOLS)/hurl
PYTHON_TOOLS := checkdmarc crossplane gixy octodns-sync octodns-validate
PROVIDERS := target/tools/providers
STAND_IN := target/tools/stand-in
SCALINGO_PROVIDER := registry.terraform.io/scalingo/scalingo

export PATH := $(CURDIR)/$(TOOLS):$(PATH):$(SBIN)
# anyhow would add a backtrace to the messages that tests compare.
unexport RUST_BACKTRACE

.DEFAULT_GOAL := help
.PHONY: help rehearse test lint bench clean tools dns-tools chromium python-tools

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

rehearse: $(NGINX) ## Run and verify the configuration of SITE (jeveuxaider) here, then let one fault (DRILL) be caught
	cargo build --locked
	$(GOLIVE) generate $(BLUEPRINT)
	$(GOLIVE) rehearse $(BLUEPRINT)
	$(GOLIVE) rehearse $(BLUEPRINT) --drill $(DRILL)

test: tools ## Every test, with real nginx, DNS tools and Terraform; installs those that are missing
	@status=0; cargo test --locked --no-fail-fast || status=$$?; \
	if [ -d $(PROVIDERS)/$(SCALINGO_PROVIDER) ] && [ -z "$$(find $(PROVIDERS)/$(SCALINGO_PROVIDER) -name schema.json)" ]; then \
		cargo test --locked --test contract_terraform -- --ignored with_scalingos_provider:: || status=$$?; \
	else \
		echo "NOT RUN: what needs Scalingo's own Terraform provider, since Terraform's registry could not be reached;" \
			'a stand-in with its schema took its place'; \
	fi; \
	exit $$status

lint: ## Format, clippy, documentation; warnings are errors
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

bench: $(NGINX) python-tools $(HURL) ## Time what people wait for, beside octoDNS, checkdmarc and Hurl
	cargo bench --locked --bench cli

clean: ## Remove target/, the tools in it included
	cargo clean
	rm -rf target/tools

tools: $(NGINX) $(DNS_TOOLS) $(CHROMIUM) $(NSD) $(VARNISH) $(TERRAFORM) python-tools $(PROVIDERS) $(STAND_IN)

python-tools: target/tools/py/installed

# The program alone, taken out of its package: installing the package would start a web server on port 80, now and
# at every boot. Debian before 12 and Ubuntu before 24.04 keep it in another package, which is too old: the generated
# files need `ssl_reject_handshake` (nginx 1.19.4).
$(TOOLS)/nginx:
	@set -eu; \
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then \
		echo 'nginx is missing, and this is neither Debian nor Ubuntu: install nginx 1.19.4 or newer' >&2; exit 1; \
	fi; \
	echo 'nginx is missing: taking it out of its package'; \
	rm -rf target/tools/nginx; mkdir -p target/tools/nginx $(TOOLS); cd target/tools/nginx; \
	get() { apt-get -qq -o APT::Sandbox::User=root download nginx; }; \
	get 2>/dev/null || { $(SUDO) apt-get -qq update; get; }; \
	dpkg --extract nginx_*.deb .; \
	if ! usr/sbin/nginx -v; then \
		echo 'the packaged nginx does not run like this here: install nginx 1.19.4 or newer' >&2; exit 1; \
	fi; \
	mv usr/sbin/nginx $(CURDIR)/$@; cd $(CURDIR); rm -r target/tools/nginx

# Clients only: these packages start no name server. Here and below a failure is passed over (`-`): the tests that
# need the tool then fail as NOT RUN, and the others still say what they know.
dns-tools:
	-@set -eu; \
	if command -v apt-get >/dev/null; then \
		install='$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends'; \
		$$install bind9-utils bind9-dnsutils openssl \
		|| { $(SUDO) apt-get -qq update; $$install bind9-utils bind9-dnsutils openssl; }; \
	else \
		echo 'named-checkzone, delv, dig or openssl is missing: tests that need them will say NOT RUN, and fail' >&2; \
	fi

# Looks at pages as people do; starts nothing. Ubuntu's package of that name installs a snap, which a container cannot
# run: there the tests that need a browser say NOT RUN.
chromium:
	-@set -eu; \
	if command -v apt-get >/dev/null; then \
		install='$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends'; \
		$$install chromium fonts-liberation || { $(SUDO) apt-get -qq update; $$install chromium fonts-liberation; }; \
	else \
		echo 'chromium is missing: tests that need it will say NOT RUN, and fail' >&2; \
	fi

# Like nginx, since the package starts a name server; the libraries it wants are only libraries.
$(TOOLS)/nsd-checkzone:
	-@set -eu; \
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then \
		echo 'nsd-checkzone is missing: tests that need it will say NOT RUN, and fail' >&2; exit 1; \
	fi; \
	rm -rf target/tools/nsd; mkdir -p target/tools/nsd $(TOOLS); cd target/tools/nsd; \
	get() { apt-get -qq -o APT::Sandbox::User=root download nsd; }; \
	get 2>/dev/null || { $(SUDO) apt-get -qq update; get; }; \
	dpkg --extract nsd_*.deb .; \
	if ldd usr/sbin/nsd-checkzone | grep -q 'not found'; then \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
			$$(apt-cache depends nsd | sed -n 's/^ *Depends: \(lib[^ ]*\)$$/\1/p'); \
	fi; \
	mv usr/sbin/nsd-checkzone $(CURDIR)/$@; cd $(CURDIR); rm -r target/tools/nsd

# The same again. Its modules are looked for in a folder of the package, so they are named; the file that it is told to
# run it compiles, with the C compiler that its package depends on.
$(TOOLS)/varnishd:
	-@set -eu; \
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then \
		echo 'varnishd is missing: tests that need it will say NOT RUN, and fail' >&2; exit 1; \
	fi; \
	rm -rf target/tools/varnish; mkdir -p target/tools/varnish $(TOOLS); cd target/tools/varnish; \
	get() { apt-get -qq -o APT::Sandbox::User=root download varnish; }; \
	get 2>/dev/null || { $(SUDO) apt-get -qq update; get; }; \
	dpkg --extract varnish_*.deb .; rm varnish_*.deb; \
	if ldd usr/sbin/varnishd | grep -q 'not found' || ! command -v gcc >/dev/null || [ ! -e /usr/include/stdio.h ]; then \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends gcc libc6-dev \
			$$(apt-cache depends varnish | sed -n 's/^ *Depends: \(lib[^ ]*\)$$/\1/p' | grep -v '^libvarnishapi'); \
	fi; \
	modules=$$(find "$$PWD/usr/lib" -type d -name vmods); \
	printf '#!/bin/sh\nexec "%s" -p vmod_path="%s" "$$@"\n' "$$PWD/usr/sbin/varnishd" "$$modules" >varnishd; \
	usr/sbin/varnishd -V; chmod +x varnishd; mv varnishd $(CURDIR)/$@

# Some minutes to build; only benches want it. Newer ones need a newer Rust.
$(HURL):
	-@set -eu; \
	if ! pkg-config --exists libxml-2.0 libcurl 2>/dev/null || [ -z "$$(find /usr/lib -name 'libclang*.so*' -print -quit)" ]; then \
		install='$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends'; \
		tools='pkg-config libxml2-dev libcurl4-openssl-dev libclang-dev'; \
		$$install $$tools || { $(SUDO) apt-get -qq update; $$install $$tools; }; \
	fi; \
	cargo install --quiet --locked --version 8.0.1 --root target/tools hurl

# In an environment of their own, since a distribution's Python takes no other packages (PEP 668). Debian keeps the
# module that makes one in a package of its own.
target/tools/py/installed: tests/contract/requirements.txt
	-@set -eu; \
	rm -rf target/tools/py; mkdir -p $(TOOLS); \
	new() { python3 -m venv target/tools/py; }; \
	new 2>/dev/null || { \
		install='$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends'; \
		$$install python3-venv || { $(SUDO) apt-get -qq update; $$install python3-venv; }; \
		rm -rf target/tools/py; new; \
	}; \
	target/tools/py/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement $<; \
	for tool in $(PYTHON_TOOLS); do ln -sf ../py/bin/$$tool $(TOOLS)/$$tool; done; \
	touch $@

# Both real providers, where Terraform's registry can be reached; else Cloudflare's alone, built from its source, beside
# the stand-in for Scalingo's, which is no module that Go's proxy serves. Of some 400 resources those that golive
# generates are compiled, without optimisation: the rest takes an hour of processor time.
CLOUDFLARE_PROVIDER := registry.terraform.io/cloudflare/cloudflare/5.24.0
$(PROVIDERS): $(STAND_IN) $(TERRAFORM) $(wildcard tests/contract/cloudflare/*) tests/contract/providers/main.tf
	-@set -eu; rm -rf $@ $@.part; \
	if CHECKPOINT_DISABLE=1 terraform -chdir=tests/contract/providers providers mirror $(CURDIR)/$@.part \
		>/dev/null 2>&1; then mv $@.part $@; exit 0; fi; \
	echo "Terraform's registry cannot be reached: building Cloudflare's provider with go, some minutes the first time"; \
	rm -rf $@.part; mkdir -p $@.part; \
	(cd tests/contract/cloudflare && go mod download github.com/cloudflare/terraform-provider-cloudflare); \
	cp -R $$(cd tests/contract/cloudflare && go list -mod=readonly -m -f '{{.Dir}}' \
		github.com/cloudflare/terraform-provider-cloudflare) $@.part/source; \
	chmod -R u+w $@.part/source; \
	python3 tests/contract/cloudflare/trim.py $@.part/source/internal/provider.go tests/contract/cloudflare.schema.json; \
	folder=$(CURDIR)/$@.part/$(CLOUDFLARE_PROVIDER)/$$(go env GOOS)_$$(go env GOARCH); mkdir -p $$folder; \
	(cd $@.part/source && CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -trimpath \
		-gcflags='github.com/cloudflare/...=-N -l -dwarf=false' -ldflags='-s -w' \
		-o $$folder/terraform-provider-cloudflare_v$(notdir $(CLOUDFLARE_PROVIDER)) .); \
	rm -rf $@.part/source; \
	cp -R $(STAND_IN)/registry.terraform.io/scalingo $@.part/registry.terraform.io/; \
	ln -s registry.terraform.io $@.part/registry.opentofu.org; mv $@.part $@

# Providers that have the real ones' schemas and no network, laid out as a mirror of both tools' registries.
$(STAND_IN): $(wildcard tests/contract/stand-in/*) tests/contract/cloudflare.schema.json tests/contract/scalingo.schema.json
	-@set -eu; rm -rf $@ $@.part; \
	(cd tests/contract/stand-in && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags='-s -w' \
		-o $(CURDIR)/$@.part/provider .); \
	for provider in cloudflare/cloudflare/5.24.0 scalingo/scalingo/2.7.4; do \
		name=$${provider%%/*}; version=$${provider##*/}; \
		folder=$@.part/registry.terraform.io/$$provider/$$(go env GOOS)_$$(go env GOARCH); mkdir -p $$folder; \
		cp $@.part/provider $$folder/terraform-provider-$${name}_v$$version; \
		cp tests/contract/$$name.schema.json $$folder/schema.json; \
	done; \
	rm $@.part/provider; ln -s registry.terraform.io $@.part/registry.opentofu.org; mv $@.part $@

# Tests say `terraform`; OpenTofu takes the same arguments.
$(TOOLS)/terraform: $(filter $(TOOLS)/tofu,$(OPENTOFU))
	-@mkdir -p $(TOOLS) && ln -sf $(abspath $(OPENTOFU)) $@

# tests/contract is a Go module only for this: its go.sum pins every byte of the source. Without the variable of the
# linker OpenTofu calls itself a development build.
TOFU_LDFLAGS := -s -w -X github.com/opentofu/opentofu/version.dev=no
$(TOOLS)/tofu: tests/contract/go.mod tests/contract/go.sum
	@echo 'terraform and tofu are missing: building OpenTofu with go, some minutes the first time'
	-cd tests/contract && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags='$(TOFU_LDFLAGS)' \
		-o $(CURDIR)/$@ github.com/opentofu/opentofu/cmd/tofu
