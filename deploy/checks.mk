# Checks beside the tests, and the documents that the binaries print.

lint: $(BINARIES) ## layers, sizes, banned functions, SQL, headers, stale documents
	@LINT_CFLAGS='$(ALL_CFLAGS)' tests/lint.sh $(O)

docs: $(BINARIES) ## write docs/configuration.md (docs/openapi: make gen)
	@docs/configuration.sh $(O) >docs/configuration.md.new && mv docs/configuration.md.new docs/configuration.md

ci: ## what continuous integration runs
	@.ci/run

.PHONY: lint docs ci
