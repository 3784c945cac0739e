# Measurements: tests/bench. The extra packages (wrk) are installed like the others.

$(O)/tests/bench/%: $(O)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -o $@

bench-tools: $(O)/tests/bench/seed
