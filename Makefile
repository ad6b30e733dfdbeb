# Built by ./dev; by hand: make [B=build] [SAN=address,undefined|thread] [CC=...]
B ?= build
CC ?= gcc
PKGS := jansson libpcre2-8 libutf8proc libsodium libedit
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS := $(shell pkg-config --libs $(PKGS))

WARN := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral
OPT ?= -O3
CFLAGS := -std=gnu11 $(OPT) -g -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-common \
          -fstack-protector-strong -D_FILE_OFFSET_BITS=64 -Iinclude -Isrc $(WARN) $(PKG_CFLAGS)
LDFLAGS := -pthread
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif
LIBS := $(PKG_LIBS) -lm

LIB_SRC := $(sort $(filter-out src/cmd/%,$(wildcard src/*/*.c)))
CMD_SRC := $(sort $(wildcard src/cmd/*.c))
TEST_SRC := $(sort $(wildcard tests/test_*.c))
TOOL_SRC := $(sort $(wildcard tests/tool_*.c))
TEST_SHARED := $(filter-out $(TEST_SRC) $(TOOL_SRC),$(sort $(wildcard tests/*.c)))
FUZZ_SRC := $(sort $(wildcard fuzz/fuzz_*.c))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

# Kernels of one instruction set carry its flags; the dispatch table decides at run time.
$(B)/obj/src/num/%_avx2.o: CFLAGS += -mavx2 -mfma -mf16c
$(B)/obj/src/num/%_avx512.o: CFLAGS += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c

all: $(B)/sillok
tests: $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC) $(TOOL_SRC))
# Fuzz targets linked with a driver that replays files; ./dev fuzz builds them with libFuzzer instead.
fuzz-replay: $(patsubst fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))

$(B)/libsillok.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	@ar rcs $@ $^
$(B)/sillok: $(call obj,$(CMD_SRC)) $(B)/libsillok.a
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/tests/%: $(B)/obj/tests/%.o $(call obj,$(TEST_SHARED)) $(B)/libsillok.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(if $(findstring test_elementary,$@),-lmpfr -lgmp) $(LIBS)
$(B)/fuzz/fuzz_%: $(B)/obj/fuzz/fuzz_%.o $(B)/obj/fuzz/replay.o $(B)/libsillok.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) -Itests -MMD -MP -c -o $@ $<

clean:
	rm -rf $(B)

.PHONY: all tests fuzz-replay clean
.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
