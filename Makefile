# Called by ./dev; by hand:
#   make [all|tests|fuzz-replay|fuzz|clean] [B=build] [SAN=address,undefined|thread] [CC=gcc|clang] [COVERAGE=1]
#   make tests B=build-arm CROSS=aarch64-linux-gnu- SYSROOT=$PWD/build-arm/sysroot   (see ./dev test-arm)
# Every object and program lands under $(B); the one program for users is $(B)/sillok.
B ?= build
CROSS ?=
ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
AR := $(CROSS)ar
PKG_CONFIG ?= pkg-config
PKGS := jansson libpcre2-8 libutf8proc libsodium libedit yaml-0.1 libzstd libmicrohttpd gnutls sqlite3 libseccomp
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS))
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS))

WARN := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral
# The results do not depend on the level (-ffp-contract=off and no -ffast-math: docs/arithmetic.md); the times do.
OPT ?= $(if $(COVERAGE),-O0,$(if $(SAN),-O2,-O3))
BASE_CFLAGS := -std=gnu11 -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-common \
               -fstack-protector-strong -D_FILE_OFFSET_BITS=64 -Iinclude -Isrc $(WARN) $(PKG_CFLAGS)
CFLAGS := $(BASE_CFLAGS) $(OPT) -g
LDFLAGS := -pthread
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif
ifneq ($(SYSROOT),)
CFLAGS += --sysroot=$(SYSROOT)
LDFLAGS += --sysroot=$(SYSROOT)
endif
ifneq ($(COVERAGE),)
CFLAGS += --coverage
LDFLAGS += --coverage
endif
LIBS := $(PKG_LIBS) -lm
# What single tests need beyond the library.
LIBS_test_elementary := -lmpfr -lgmp

LIB_SRC := $(sort $(filter-out src/cmd/%,$(wildcard src/*/*.c)))
CMD_SRC := $(sort $(wildcard src/cmd/*.c))
TEST_SRC := $(sort $(wildcard tests/test_*.c))
TOOL_SRC := $(sort $(wildcard tests/tool_*.c))
TEST_SHARED := $(filter-out $(TEST_SRC) $(TOOL_SRC),$(sort $(wildcard tests/*.c)))
FUZZ_SRC := $(sort $(wildcard fuzz/fuzz_*.c))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

# Kernels of one instruction set carry its flags; the dispatch table decides at run time. On another machine such a file
# compiles to nothing (#ifdef __AVX2__).
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
# gcc's regrouping of sums and expressions costs registers that the tile kernels need (half their speed without VNNI).
ISA_order := $(shell $(CC) -Werror -fno-tree-ter -fno-tree-reassoc -x c -c -o /dev/null /dev/null 2>/dev/null && \
               echo -fno-tree-ter -fno-tree-reassoc)
# Under sanitizers the tile kernels take minutes to compile at the level of the rest.
ISA_order += $(if $(SAN),-O1)
ISA_avx2 := -mavx2 -mfma -mf16c
ISA_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c
ISA_vnni := $(ISA_avx512) -mavx512vnni
# The kernels that show what the canonical order costs (tests/tool_free_order_vnni.c).
ISA_free := -ffast-math -ffp-contract=fast
endif
ifneq ($(filter aarch64-%,$(shell $(CC) -dumpmachine)),)
ISA_dotprod := -march=armv8.2-a+dotprod
endif
isa_flags = $(if $(filter %_avx2.c,$(1)),$(ISA_avx2))$(if $(filter %_avx512.c,$(1)),$(ISA_avx512))$(if $(filter %_vnni.c,$(1)),$(ISA_vnni))$(if $(filter %_dotprod.c,$(1)),$(ISA_dotprod)) \
            $(if $(filter src/num/isa_%.c tests/tool_free_%.c,$(1)),$(ISA_order)) $(if $(filter tests/tool_free_%.c,$(1)),$(ISA_free))

all: $(B)/sillok
tests: $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC) $(TOOL_SRC))
# Fuzz targets linked with a driver that replays files, with any compiler and sanitizer ...
fuzz-replay: $(patsubst fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
# ... and with libFuzzer: make fuzz B=build-fuzz CC=clang SAN=address,undefined,fuzzer-no-link
fuzz: $(patsubst fuzz/%.c,$(B)/libfuzzer/%,$(FUZZ_SRC))

# These two change only when their text does, so that new flags rebuild everything and a removed source file is taken
# out of the library.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(CFLAGS) | $(LDFLAGS) | $(LIBS) | $(ISA_avx2) | $(ISA_vnni) $(ISA_dotprod) $(ISA_order)' | cmp -s - $@ || \
	 printf '%s\n' '$(CC) $(CFLAGS) | $(LDFLAGS) | $(LIBS) | $(ISA_avx2) | $(ISA_vnni) $(ISA_dotprod) $(ISA_order)' > $@
$(B)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(LIB_SRC) $(CMD_SRC) $(TEST_SHARED) | cmp -s - $@ || \
	 printf '%s\n' $(LIB_SRC) $(CMD_SRC) $(TEST_SHARED) > $@

$(B)/libsillok.a: $(call obj,$(LIB_SRC)) $(B)/sources
	@rm -f $@
	@$(AR) rcs $@ $(filter %.o,$^)
$(B)/sillok: $(call obj,$(CMD_SRC)) $(B)/libsillok.a $(B)/sources
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS)
$(B)/tests/%: $(B)/obj/tests/%.o $(call obj,$(TEST_SHARED)) $(B)/libsillok.a $(B)/sources
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka $(LIBS_$*) $(LIBS)
$(B)/fuzz/fuzz_%: $(B)/obj/fuzz/fuzz_%.o $(B)/obj/fuzz/replay.o $(B)/libsillok.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/libfuzzer/fuzz_%: $(B)/obj/fuzz/fuzz_%.o $(B)/libsillok.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) $(call isa_flags,$<) -Itests -MMD -MP -c -o $@ $<

# The console travels in the program.
$(B)/obj/src/serve/page.o: $(wildcard console/dist/*)
$(B)/obj/src/serve/planner.o: examples/korea-250mw.yaml

# For ./dev lint: the flags that a source file is compiled with.
lint-flags:
	@printf '%s\n' '$(BASE_CFLAGS) -Itests'
isa-flags:
	@printf '%s\n' 'avx2 $(ISA_avx2)' 'avx512 $(ISA_avx512)' 'vnni $(ISA_vnni)' 'dotprod $(ISA_dotprod)'

clean:
	rm -rf $(B)

FORCE:
.PHONY: all tests fuzz-replay fuzz lint-flags isa-flags clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
