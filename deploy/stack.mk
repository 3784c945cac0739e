# The two commands, and what goes with them. bootstrap may install the libraries, so the build is a make of its own after it.

run: ## set up what is missing, build, start everything; Ctrl-C stops it
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory all
	@deploy/stack.sh run

start: ## the same in the background
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory all
	@deploy/stack.sh start

stop: ## end it; the data is kept
	@deploy/stack.sh stop

status: ## what runs
	@deploy/stack.sh status || true

clean: ## stop, remove the data and everything built
	@deploy/stack.sh clean
	@rm -rf build

test: ## set up what is missing, then unit and system tests under ASan and UBSan
	@deploy/bootstrap.sh
	@$(MAKE) --no-print-directory VARIANT=asan unit-tests system-tests
	@tests/run.sh build/asan

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sort | while IFS="$$(printf '\t')" read -r target what; do printf '  make %-10s %s\n' "$$target" "$$what"; done

.PHONY: run start stop status clean test help
