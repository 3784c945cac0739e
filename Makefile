# CRM sales back end.
#   make run     set up what is missing, build, start everything; Ctrl-C stops it
#   make test    the same set-up, then unit and system tests under ASan and UBSan
#   make help    the other targets

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-builtin-rules -j$(shell nproc)
endif
.DEFAULT_GOAL := all

VARIANT ?= release
O       ?= build/$(VARIANT)
CC      := gcc

PACKAGES := libevent libevent_pthreads evhtp libcjson libpq hiredis libjwt openssl libargon2 icu-i18n icu-uc
TEST_PACKAGES := cmocka libcurl

WARN   := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla
CFLAGS_release := -O2 -flto=auto -g -fno-omit-frame-pointer -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
LDFLAGS_release := -O2 -flto=auto -Wl,-z,relro,-z,now

# Third-party headers are system headers: their warnings are not ours.
PKG_CFLAGS  = $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null | sed 's/-I/-isystem /g') -isystem /usr/include/evhtp
PKG_LIBS    = $(shell pkg-config --libs $(PACKAGES))
TEST_LIBS   = $(shell pkg-config --libs $(TEST_PACKAGES))

ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARN) $(CFLAGS_$(VARIANT)) -pthread -Icommon -I$(GEN) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(VARIANT)) -pthread $(LDFLAGS)

# --- what there is -----------------------------------------------------------------------------------------------
SERVICES := $(notdir $(patsubst %/,%,$(dir $(wildcard services/*/main.c))))
COMMON   := $(wildcard common/*/*.c)
GATEWAY  := $(filter-out gateway/main.c,$(wildcard gateway/*.c))
SCHEMAS  := $(wildcard proto-json-schemas/*.json)
UNIT     := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
SYSTEM   := $(patsubst tests/system/%.c,%,$(wildcard tests/system/test_*.c))

GEN      := $(O)/gen
GEN_C    := $(GEN)/schemas.c $(GEN)/registry.c $(SERVICES:%=$(GEN)/%_routes.c) $(SERVICES:%=$(GEN)/%_openapi.c)

obj = $(patsubst %.c,$(O)/obj/%.o,$(patsubst $(O)/%,%,$(1)))

LIB      := $(O)/libcommon.a
GATEWAY_LIB := $(O)/libgateway.a
BINARIES := $(SERVICES:%=$(O)/bin/%) $(if $(wildcard gateway/main.c),$(O)/bin/gateway)

include $(wildcard deploy/*.mk)

all: $(BINARIES) ## build everything ($(O)/bin)

# --- generated tables ----------------------------------------------------------------------------------------------
# The generator reads limits and enumerations from the headers that its tables are compiled against.
GENERATOR_USES := common/base/err.h common/base/limits.h common/http/route.h common/schema/schema.h common/schema/validate.h
$(O)/schemagen: $(wildcard proto-json-schemas/generator/*.[ch]) $(GENERATOR_USES)
	@mkdir -p $(@D)
	@echo "  CC      schemagen"
	@$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -O1 -g -Icommon $(shell pkg-config --cflags libcjson) $(filter %.c,$^) $(shell pkg-config --libs libcjson) -o $@

$(GEN)/.stamp: $(O)/schemagen $(SCHEMAS)
	@echo "  GEN     tables and OpenAPI"
	@mkdir -p $(GEN) docs/openapi
	@$(O)/schemagen proto-json-schemas $(GEN) docs/openapi
	@touch $@
$(GEN_C): $(GEN)/.stamp ;

gen: $(GEN)/.stamp ## regenerate tables and docs/openapi

# --- compile -------------------------------------------------------------------------------------------------------
$(O)/obj/%.o: %.c | $(GEN)/.stamp
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/obj/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(call obj,$(COMMON) $(GEN)/schemas.c)
$(GATEWAY_LIB): $(call obj,$(GATEWAY))
$(LIB) $(GATEWAY_LIB):
	@rm -f $@ && ar rcs $@ $^

define service_rule
$(O)/bin/$(1): $(call obj,$(wildcard services/$(1)/*.c) $(GEN)/$(1)_routes.c $(GEN)/$(1)_openapi.c) $(LIB)
	@mkdir -p $$(@D)
	@echo "  LD      $(1)"
	@$(CC) $(ALL_LDFLAGS) $$^ $$(PKG_LIBS) -o $$@
endef
$(foreach s,$(SERVICES),$(eval $(call service_rule,$(s))))

$(O)/bin/gateway: $(call obj,$(wildcard gateway/*.c) $(GEN)/registry.c) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      gateway"
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -o $@

# --- tests -----------------------------------------------------------------------------------------------------------
$(O)/tests/unit/%: $(O)/obj/tests/unit/%.o $(GATEWAY_LIB) $(LIB)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(TEST_LIBS) -o $@

$(O)/tests/system/%: $(O)/obj/tests/system/%.o $(call obj,$(filter-out tests/system/test_%,$(wildcard tests/system/*.c))) $(LIB)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(TEST_LIBS) -o $@

unit-tests:   $(UNIT:%=$(O)/tests/unit/%)
system-tests: $(SYSTEM:%=$(O)/tests/system/%) $(BINARIES)

.SECONDARY:
.PHONY: all gen unit-tests system-tests
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
