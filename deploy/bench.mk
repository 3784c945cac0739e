# Measurements: tests/bench.

$(O)/tests/bench/%: $(O)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(LIB) $(PKG_LIBS) -o $@

$(O)/tests/bench/drive: $(call obj,tests/bench/drive_loop.c tests/bench/histogram.c)

bench-tools: $(O)/tests/bench/seed $(O)/tests/bench/drive all

bench: ## measure at 1,000,000 customers: docs/performance.md (some 12 minutes)
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory bench-tools
	@tests/bench/run.sh 1000000

bench-quick: ## the same at 100,000, without writing the document
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory bench-tools
	@tests/bench/run.sh 100000

.PHONY: bench-tools bench bench-quick
