# Fuzzing: tests/fuzz, with clang's libFuzzer. Objects of its own (build/fuzz), since every file is instrumented for it.

CFLAGS_fuzz  := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined

FUZZ_SECONDS ?= 60
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(O)/tests/fuzz/%: $(O)/obj/tests/fuzz/%.o $(call obj,$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c))) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $(@F)"
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -o $@

fuzz-targets: $(FUZZ_TARGETS:%=$(O)/tests/fuzz/%)

fuzz: ## fuzz each reader of foreign bytes for FUZZ_SECONDS (60); findings stay in build/fuzz/found
	@deploy/bootstrap.sh tests/fuzz/packages.txt
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-targets
	@tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

.PHONY: fuzz fuzz-targets
