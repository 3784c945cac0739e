# Measurements: tests/bench.

$(O)/tests/bench/%: $(O)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(LIB) $(PKG_LIBS) -lm -o $@

CLIENT_PARTS := channel command origin response
DRIVE_PARTS := $(CLIENT_PARTS) drive_loop drive_report histogram mix
$(O)/tests/bench/drive: $(call obj,$(DRIVE_PARTS:%=tests/bench/%.c))
HOLD_PARTS := $(CLIENT_PARTS) hold_loop
$(O)/tests/bench/hold: $(call obj,$(HOLD_PARTS:%=tests/bench/%.c))

bench-tools: $(O)/tests/bench/seed $(O)/tests/bench/drive $(O)/tests/bench/hold $(O)/tests/bench/cost all

bench: ## beside nginx, HAProxy, pgbench and Fastify; growth; the required load: docs/performance.md (some 15 minutes)
	@deploy/bootstrap.sh tests/bench/packages.txt
	@command -v npm >/dev/null || deploy/bootstrap.sh tests/bench/peer/packages.txt
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed tests/bench/bench.sh

bench-quick: ## less of the same, without the document (3 minutes)
	@$(MAKE) --no-print-directory bench QUICK=1

bench-edge: ## the gateway beside HAProxy: docs/performance-edge.md (some 7 minutes; QUICK=1: 2, without the document)
	@deploy/bootstrap.sh tests/bench/packages.txt
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed tests/bench/edge.sh

profile: ## flame graphs of gateway and service: .run/profile-*.svg (1 minute)
	@deploy/bootstrap.sh tests/bench/packages.txt
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed tests/bench/profile.sh

bench-identity: ## logins, revocation, token check, masking: docs/performance-identity.md (1 minute)
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed COST=$(O)/tests/bench/cost tests/bench/identity.sh

bench-board: ## the board over 1,000,000 opportunities: docs/performance-board.md (1 minute)
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory all
	@BIN_DIR=$(O)/bin tests/bench/board.sh

bench-orders: ## order-service over 5,000,000 orders: docs/performance-orders.md (some 20 minutes)
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed tests/bench/orders.sh

bench-feed: ## the feed of events: docs/performance-feed.md (1 minute)
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed tests/bench/feed.sh

bench-guard: ## rate limits, address lists, audit: docs/performance-guard.md (2 minutes)
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory bench-tools
	@BIN_DIR=$(O)/bin SEED=$(O)/tests/bench/seed COST=$(O)/tests/bench/cost tests/bench/guard.sh

.PHONY: profile bench-orders bench-guard bench-tools bench bench-quick bench-edge bench-identity bench-board bench-feed
