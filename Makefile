# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makefile - cmd/cgg-X.c becomes build/cgg-X, bpf/*.bpf.c the object that cgg-load carries.
#
# make demo, make check: see README.md. A new command or hook needs no line here.

VERSION = 0.1
PREFIX ?= /usr/local
BUILD ?= build
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

CFLAGS ?= -O2 -g
HARDENING ?= -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DCGG_VERSION='"$(VERSION)"' -I$(BUILD) -MMD \
	$(WARNINGS) $(HARDENING) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS)
# Linked in, so that a command starts as fast as one that needs nothing.
LIBS ?= -Wl,-Bstatic -lbpf -lelf -lz -ljansson -lyaml -Wl,-Bdynamic
BPF_CFLAGS = -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v3 -I/usr/include/$(MULTIARCH) -MMD

COMMANDS = $(patsubst cmd/%.c,$(BUILD)/%,$(wildcard cmd/cgg-*.c))
LIB = $(patsubst lib/%.c,$(BUILD)/lib/%.o,$(wildcard lib/*.c))
HOOKS = $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
TOOLS = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/*.c))
MEASURED = $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard tests/measure/*.bpf.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps demo check bench fuzz install clean

all: $(COMMANDS)

deps:
	@tests/install-deps

demo: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/demo

check: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all $(UNIT) $(TOOLS)
	@tests/run

bench: deps
	@tests/install-deps bench
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(MEASURED)
	@tests/bench

$(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

# A .rodata, .data or .bss map would be state that no pin holds.
$(BUILD)/cgguard.bpf.o: $(HOOKS)
	$(BPFTOOL) gen object $@ $^
	@! readelf -SW $@ | grep -E ' \.(rodata|data|bss)' || { echo "$@: global data" >&2; exit 1; }

$(BUILD)/cgguard.skel.h: $(BUILD)/cgguard.bpf.o
	$(BPFTOOL) gen skeleton $< name cgguard_bpf > $@

$(BUILD)/cmd/cgg-load.o: $(BUILD)/cgguard.skel.h
$(BUILD)/cmd/cgg-load.o: HARDENING += -Wno-conversion -Wno-sign-conversion

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/cmd/%.o: cmd/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/libcgg.a: $(LIB)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/cgg-rule: $(BUILD)/cmd/list.o
$(BUILD)/cgg-%: $(BUILD)/cmd/cgg-%.o $(BUILD)/cmd/cmd.o $(BUILD)/libcgg.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The library once more, with every address and every overflow watched.
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(BUILD)/unit/%: tests/unit/%.c $(wildcard lib/*.c lib/*.h bpf/*.h tests/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD,$(ALL_CFLAGS)) $(SANITIZE) -o $@ $< $(wildcard lib/*.c) -lcmocka -lbpf -ljansson -lyaml

$(BUILD)/tests/%: tests/%.c $(BUILD)/libcgg.a
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -pthread -o $@ $^ $(LIBS)

# The readers of what people write, under libFuzzer: make fuzz FUZZ_SECONDS=300
FUZZ = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 60
$(BUILD)/fuzz/%: tests/fuzz/%.c $(wildcard lib/*.c lib/*.h bpf/cgguard.h)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $< $(wildcard lib/*.c) -lbpf -ljansson -lyaml

fuzz: deps
	@$(MAKE) --no-print-directory $(FUZZ)
	@tests/fuzz/run $(FUZZ_SECONDS)

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 $(COMMANDS) $(DESTDIR)$(PREFIX)/sbin
	for n in 5 7 8; do install -m 644 man/*.$$n $(DESTDIR)$(PREFIX)/share/man/man$$n; done
	for c in $(notdir $(COMMANDS)); do \
		install -m 644 completions/cgguard.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$c; done
	install -m 644 completions/_cgguard $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_cgguard
	install -m 644 completions/cgguard.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/cgguard.fish
	install -d $(DESTDIR)$(PREFIX)/libexec $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(DESTDIR)$(PREFIX)/share/cgguard/policies
	install -m 644 share/policies/* $(DESTDIR)$(PREFIX)/share/cgguard/policies
	install -m 644 share/systemd/*.service $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 644 share/systemd/guarded.conf $(DESTDIR)$(PREFIX)/share/cgguard
	install -m 755 share/libexec/* $(DESTDIR)$(PREFIX)/libexec
	sed -i 's|/usr/local/|$(PREFIX)/|g' $(DESTDIR)$(PREFIX)/lib/systemd/system/cgguard*.service \
		$(DESTDIR)$(PREFIX)/libexec/cgguard-*

clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/measure/*.d)
