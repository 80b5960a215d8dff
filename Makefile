# Everything that is done to Quire from a checkout. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run cluster build web test test-web test-rust test-e2e check bench access-check api-check sql-check sql-transcript cluster-check bench-servers faults attack concurrency monkey typing soak scale fuzz clean compiler tools

# Where tests keep their databases: in memory where there is room for them. A Postgres that recovers from a crash
# flushes every file that it has, which takes a busy disk most of a minute.
SCRATCH := $(shell [ "$$(df --output=avail -k /dev/shm 2> /dev/null | tail -n 1)" -gt 8000000 ] 2> /dev/null && echo /dev/shm || echo $${TMPDIR:-/tmp})

WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*')

help: ## list these
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

cluster: build ## what compose.yaml starts, without containers: a primary, two standbys, three servers, two balancers
	@scripts/apt-missing haproxy=haproxy openssl=openssl
	exec node scripts/cluster.mjs

run: build ## build Quire and run it on a Postgres of its own (ARGS="--servers 2" for more)
	exec target/release/quire dev $(ARGS)

build: compiler web node_modules/.installed ## the release binary, with the page in it
	cargo build --release --locked

web: web/dist/index.html ## the page

test: tools test-web test-rust test-e2e ## every test (needs no Postgres running; uses PostgreSQL 15 and 18)

test-web: web/node_modules/.installed
	cd web && npm test

test-rust: tools web node_modules/.installed target/sql-clients/.installed
	TMPDIR=$(SCRATCH) cargo test --locked

test-e2e: tools web node_modules/.installed
	cargo build --locked
	cd web && TMPDIR=$(SCRATCH) npm run test:e2e

check: web/node_modules/.installed ## formatting, lints, types
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cd web && npm run check

bench: build ## rates and latencies: a human-like history over two servers (TRACE=file for a recorded one)
	target/release/quire replay $(or $(TRACE),--synthetic 1) --servers 2 --json
	target/release/quire replay $(or $(TRACE),--synthetic 1) --servers 2 --rate 100 --edits 3000 --json

access-check: tools web node_modules/.installed target/schemathesis/.installed ## who may do what: every case of the table, 10,000 revocations while typing, probes; figures as JSON
	cargo build --locked
	@node scripts/access-check.mjs

api-check: tools web node_modules/.installed target/schemathesis/.installed ## thousands of requests made of docs/openapi.json: no 5xx, no undocumented answer; figures as JSON
	cargo build --locked
	@node scripts/api-check.mjs $(SEED)

sql-transcript: tools web node_modules/.installed ## ask the questions of sql/README.md and write the answers there
	QUIRE_TRANSCRIPT=write cargo test --locked --test quire sql::questions::the_transcript

sql-check: tools web node_modules/.installed target/sql-clients/.installed ## real clients through the SQL port and directly, the past against recorded histories (QUIRE_TRACES=), pgbench; figures as JSON
	cargo build --release --locked
	@TMPDIR=$(SCRATCH) node scripts/sql-check.mjs

cluster-check: tools web node_modules/.installed ## several databases and servers in small: failing standbys, an organisation that moves, what a server costs; figures as JSON
	cargo build --release --locked
	@TMPDIR=$(SCRATCH) node scripts/cluster-check.mjs

bench-servers: build node_modules/.installed ## what a server more costs the database, and a reader more its server: docs/scale.md anew (some 10 minutes)
	TMPDIR=$(SCRATCH) QUIRE_LOG=error node bench/servers.mjs
	TMPDIR=$(SCRATCH) QUIRE_LOG=error node bench/busy.mjs

faults: tools web node_modules/.installed ## what goes wrong while people write: ROUNDS= in all, SEED=, FAULTS=kill_server,… (default: every kind in turn), planted bugs; figures as JSON
	cargo build --locked
	@TMPDIR=$(SCRATCH) node scripts/faults.mjs $(or $(ROUNDS),84) "$(SEED)" "$(FAULTS)"

concurrency: web node_modules/.installed ## every command on a block against what another does there meanwhile, online and offline, in two Chromium windows on two servers (ONLY= names a command); figures as JSON
	cargo build --locked
	@cd web && TMPDIR=$(SCRATCH) node e2e/concurrency-run.mjs

monkey: web node_modules/.installed ## five Chromium windows do whatever comes to mind in one document (SEED=7 ACTIONS=1000); figures as JSON
	cargo build --locked
	@cd web && TMPDIR=$(SCRATCH) SEED="$(SEED)" ACTIONS="$(ACTIONS)" node e2e/monkey-run.mjs

typing: web node_modules/.installed ## from a key to its paint in a page of 100,000 words and in one of 5,000 items, alone and with five others (PAGE=items OTHERS=5); figures as JSON
	cargo build --locked --release
	@cd web && TMPDIR=$(SCRATCH) QUIRE_PROGRAM=$(CURDIR)/target/release/quire node e2e/typing.mjs

attack: tools web node_modules/.installed ## one person against all others, on a release build: what they notice, and what it costs the server; figures as JSON
	@TMPDIR=$(SCRATCH) node scripts/attack.mjs

soak: tools web node_modules/.installed ## two servers under moderate load: what they hold must not grow (MINUTES=120); figures as JSON
	TMPDIR=$(SCRATCH) QUIRE_LOG=off QUIRE_SOAK_MINUTES=$(or $(MINUTES),120) cargo test --locked --test quire faults::soak -- --ignored --nocapture

scale: tools web node_modules/.installed ## CONNECTIONS=10000 idle connections, also by TLS, and DOCUMENTS=10000 in the tables: memory, cold open; figures as JSON (PROFILE= for a debug build)
	TMPDIR=$(SCRATCH) QUIRE_LOG=off QUIRE_SCALE_CONNECTIONS=$(or $(CONNECTIONS),10000) QUIRE_SCALE_DOCUMENTS=$(or $(DOCUMENTS),10000) \
		cargo test $(if $(filter undefined,$(origin PROFILE)),--release,$(PROFILE)) --locked --test quire path::scale -- --nocapture --test-threads 1 | grep -E '^test |scale-'

fuzz: compiler web ## look for inputs that go wrong: TARGET=trial SECONDS=60 (targets: fuzz/targets); a new one goes into fuzz/corpus/TARGET
	@scripts/fuzz.sh $(or $(TARGET),trial) $(or $(SECONDS),60)

clean: ## remove what was built and installed here
	cargo clean
	rm -rf web/dist web/node_modules node_modules

compiler:
	@command -v cargo > /dev/null || { echo "Rust is missing: see https://rustup.rs"; exit 1; }
	@command -v npm > /dev/null || { echo "Node.js 20.19 or newer is missing: see https://nodejs.org"; exit 1; }
	@scripts/apt-missing cc=build-essential

tools: compiler
	@scripts/apt-missing /usr/lib/postgresql/15/bin/postgres=postgresql-15 psql=postgresql-client-15 \
		/usr/sbin/pgbouncer=pgbouncer chromium=chromium ip=iproute2 curl=curl faketime=faketime \
		haproxy=haproxy docker-compose=docker-compose openssl=openssl

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

# The page's packages, and PostgreSQL 18 for machines without one.
web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && npm ci
	@touch $@

node_modules/.installed: package.json package-lock.json
	npm ci
	@touch $@

# Clients of Postgres for the tests of the SQL port; JDBC where there is a JDK.
target/sql-clients/.installed: scripts/sql-clients.txt
	@scripts/apt-missing virtualenv=virtualenv pgbench=postgresql-15
	@! command -v javac > /dev/null || [ -e /usr/share/java/postgresql.jar ] || \
		scripts/apt-missing postgresql.jar=libpostgresql-jdbc-java
	virtualenv -q target/sql-clients
	target/sql-clients/bin/pip install -q -r scripts/sql-clients.txt
	@touch $@

target/schemathesis/.installed: scripts/schemathesis.txt
	@scripts/apt-missing virtualenv=virtualenv
	virtualenv -q target/schemathesis
	target/schemathesis/bin/pip install -q -r scripts/schemathesis.txt
	@touch $@
