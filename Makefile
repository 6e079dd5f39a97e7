# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makefile - build cmd/cgg-X.c as build/cgg-X, and bpf/*.bpf.c as the object in cgg-load
#
# make demo, make check: see README.md. A new command or hook needs no line here.

VERSION = 0.1
PREFIX ?= /usr/local
# Another machine's commands, in a folder of their own: make CROSS=aarch64-linux-gnu. SYSROOT has its
# headers and libraries; make sysroot makes one of Debian's packages. Without it they are this system's.
# gcc 12 has no numbers of 128 bits on machines of 32 bits, and clang has.
# bpftool 7.1 links no objects of another byte order: then it is the sysroot's, in QEMU.
ifdef CROSS
BUILD ?= build/$(CROSS)
SYSROOT ?= $(wildcard $(BUILD)/sysroot)
CC = $(CROSS)-gcc $(SYSROOT:%=--sysroot=$(abspath $(SYSROOT)))
ifneq ($(filter arm-% i686-%,$(CROSS)),)
CC = $(CLANG) --target=$(CROSS) --gcc-toolchain=/usr $(SYSROOT:%=--sysroot=$(abspath $(SYSROOT)))
endif
AR = $(CROSS)-ar
ifneq ($(filter s390x-%,$(CROSS)),)
BPFTOOL ?= qemu-s390x -L $(SYSROOT) $(SYSROOT)/usr/sbin/bpftool
endif
export PKG_CONFIG_LIBDIR = $(SYSROOT)/usr/lib/$(MULTIARCH)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig
export PKG_CONFIG_SYSROOT_DIR = $(SYSROOT)
endif
BUILD ?= build
CC ?= cc
CLANG ?= clang
# Ubuntu's /usr/sbin/bpftool works only with the running kernel.
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/sbin/bpftool /sbin/bpftool) bpftool)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

CFLAGS ?= -O2 -g
# $(call taken,FLAGS): the flags if the compiler takes them for this machine, else nothing
taken = $(shell $(CC) -O2 -Werror $(1) -include features.h -x c -c -o /dev/null /dev/null \
	2>/dev/null && echo '$(1)')
TAKEN := $(or $(call taken,-D_FORTIFY_SOURCE=3),-D_FORTIFY_SOURCE=2) \
	$(call taken,-fstack-clash-protection) $(call taken,-fcf-protection)
# These follow CPPFLAGS, where a distribution may ask for less.
HARDENING ?= -U_FORTIFY_SOURCE $(TAKEN) -fstack-protector-strong -Wformat -Werror=format-security
WERROR ?= -Werror
WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes $(WERROR)
# On ppc64el __u64 is a long, as on no other machine, unless the sane types are asked for.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D__SANE_USERSPACE_TYPES__ -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 \
	-DCGG_VERSION='"$(VERSION)"' -I$(BUILD) -MMD -fPIE $(WARNINGS) $(LIBRARY_CFLAGS) $(CPPFLAGS) $(HARDENING) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS)
# Link the archive of a library where it is complete, as a command then starts faster: libelf.a of Debian 13
# lacks functions that it calls, and Fedora has no archives. PKG_CONFIG_PATH chooses another libbpf.
LIBRARIES = libbpf libelf jansson yaml-0.1 libseccomp
PKG_CONFIG ?= pkg-config
once = $(eval $(1) := $(2))$($(1))
LIBRARY_CFLAGS = $(call once,LIBRARY_CFLAGS,$(filter -I% -D%,$(shell $(PKG_CONFIG) --cflags $(LIBRARIES))))
SHARED = $(call once,SHARED,$(filter -L% -l%,$(shell $(PKG_CONFIG) --static --libs $(LIBRARIES))))
archive = -Wl,-Bstatic $(1) -Wl,-Bdynamic
complete = $(shell echo 'int main(void) { return 0; }' | $(CC) $(ALL_LDFLAGS) -Wl,--no-gc-sections -x c - \
	-o /dev/null -Wl,--whole-archive $(call archive,$(1)) -Wl,--no-whole-archive $(SHARED) 2>/dev/null && echo yes)
LIBS ?= $(call once,LIBS,$(filter -L%,$(SHARED)) $(foreach library,$(filter -l%,$(SHARED)),\
	$(if $(call complete,$(library)),$(call archive,$(library)),$(library))))
# The libraries of cgg-top alone.
CURSES ?= -lncursesw -ltinfo
# Programs have the byte order of the kernel that loads them. On machines other than these the processor
# may serve their reads out of order: doc/memory-order.md.
SORT = $(call once,SORT,$(shell echo __BYTE_ORDER__ __x86_64__ __i386__ __s390x__ | $(CC) -E -P - 2>/dev/null))
ORDER = $(if $(filter 4321,$(SORT)),bpfeb,bpfel)
REORDERS = $(if $(filter 1,$(SORT)),,-DCGG_REORDERS)
# Kernels of 32 bits need other maps: bpf/map.h.
NARROW = $(call once,NARROW,$(if $(filter 4,$(shell echo __SIZEOF_POINTER__ | $(CC) -E -P - 2>/dev/null)),-DCGG_NARROW))
BPF_CFLAGS = -O2 -g -Wall -Wextra $(WERROR) -target $(ORDER) -mcpu=v3 $(REORDERS) $(NARROW) $(LIBRARY_CFLAGS) $(SYSROOT:%=-isystem %/usr/include) \
	-I$(SYSROOT)/usr/include/$(MULTIARCH) -MMD -ffile-prefix-map=$(CURDIR)=.

COMMANDS = $(patsubst cmd/%.c,$(BUILD)/%,$(wildcard cmd/cgg-*.c))
LIB_SOURCES = $(wildcard lib/*/*.c)
LIB_HEADERS = $(wildcard lib/*.h lib/*/*.h bpf/*.h bpf/*/*.h)
LIB = $(LIB_SOURCES:%.c=$(BUILD)/%.o)
HOOKS = $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
# For kernels before 6.1, which have no hook for unix sockets: bpf/kernel.h.
OLD_HOOKS = $(patsubst $(BUILD)/bpf/%,$(BUILD)/old/%,$(filter-out %/unix.bpf.o,$(HOOKS)))
# The programs for rules by DNS name are an object of their own, which is loaded when it is needed.
NAMES = $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/names/*.bpf.c)) connect flow message release
NAMES_HOOKS = $(NAMES:%=$(BUILD)/names/%.bpf.o)
NAMES_OLD_HOOKS = $(NAMES:%=$(BUILD)/names_old/%.bpf.o)
OBJECTS = cgguard cgguard_old cgguard_names cgguard_names_old
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
TOOLS = $(patsubst tests/engines/%.c,$(BUILD)/tests/%,$(wildcard tests/engines/*.c))
MEASURED = $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard tests/bench/*.bpf.c))
TRIED = $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard tests/hostile/*.bpf.c))

ifdef CROSS
ifeq ($(filter clean sysroot,$(MAKECMDGOALS)),)
needs := $(shell CC='$(CC)' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' PKG_CONFIG='$(PKG_CONFIG)' ORDER='$(ORDER)' \
	PKG_CONFIG_LIBDIR='$(PKG_CONFIG_LIBDIR)' PKG_CONFIG_SYSROOT_DIR='$(SYSROOT)' tests/cross-needs $(CROSS) && echo met)
ifeq ($(needs),)
$(error cannot build for $(CROSS))
endif
endif
endif

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps demo sysroot tested tools check check-one check-compilers check-debian check-faults check-kernels \
	check-machines check-matrix check-musl check-odd check-programs check-reproducible check-debs check-rpm rpm dist \
	check-sanitize check-valgrind analyze soak bench bench-compare \
	fuzz html check-site install uninstall deb check-deb check-boot clean

all: $(COMMANDS)

deps:
	@tests/install-deps

demo: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/demo

# Unpack Debian's headers and libraries for CROSS into its build folder. SUITE chooses the release.
SUITE ?= bookworm
sysroot:
	@[ -n "$(CROSS)" ] || { echo 'make sysroot: for which machine? CROSS=aarch64-linux-gnu' >&2; exit 2; }
	@tests/install-deps cross
	@tests/cross-needs --sysroot $(CROSS) $(SUITE) $(BUILD)/sysroot

tested: tools $(UNIT)

tools: all $(TOOLS) $(TRIED)

check: deps
	@$(MAKE) --no-print-directory -j$$(nproc) tested
	@tests/run

# Run one file of tests, or those tests in it whose name matches N: make check-one T=hooks/connect N='proto tcp'.
# The folder may be left out.
T ?= commands/guard
check-one: deps
	@$(MAKE) --no-print-directory -j$$(nproc) tested
	@FILTER='$(N)' tests/run $(T)

# Kill every command at every call and store, and let each of its calls fail: about twenty minutes
# on two processors. Several shares run at once, since most of the time is waiting for the kernel.
check-faults: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(TRIED)
	@FAULTS=all LIMIT=7200 SHARES=4 JOBS=8 tests/run tests/hostile/faults.bats tests/hostile/faults-guard.bats

# Run many writers and readers at once for a minute, upgrade a hundred times under attempts, ask a million
# times for names, send damaged answers and questions for ten minutes each, compare the bytes of flows with
# a capture of a million packets, and try five times as many questions and connects, and rules where that
# takes long, as make check does.
SOAK_SECONDS ?= 60
ASKS ?= 1000000
ANSWERS ?= 600
QUESTIONS ?= 600
FLOW_PACKETS ?= 1000000
soak: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(TRIED)
	@SOAK_SECONDS=$(SOAK_SECONDS) UPGRADES=100 ASKS=$(ASKS) ANSWERS=$(ANSWERS) QUESTIONS=$(QUESTIONS) \
		FLOW_PACKETS=$(FLOW_PACKETS) JOBS=1 LIMIT=3600 \
		tests/run tests/hostile/soak.bats tests/commands/upgrade.bats tests/hostile/asks.bats tests/hostile/answers.bats \
		tests/hostile/questions.bats tests/hooks/flow-capture.bats
	@MORE=5 JOBS=1 LIMIT=3600 tests/run tests/language/classifier.bats tests/language/named.bats

# Test the BPF objects of each clang in Debian on this machine's kernel; COMPILERS='13 22' names some.
check-compilers: deps
	@tests/install-deps deb
	@$(MAKE) --no-print-directory -j$$(nproc) tools
	@tests/machines/check-compilers $(COMPILERS)

# Test each hook on every kernel in Debian, in virtual machines; KERNELS='5.10 newest' names some.
check-kernels: deps
	@tests/install-deps kernels || echo 'The tools that start other kernels are not available.'
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(TRIED)
	@tests/machines/check-kernels $(KERNELS)

# Build for other machines, and test each hook on them in QEMU; MACHINES='arm64:bookworm s390x' names
# some with their kernels.
check-machines: deps
	@tests/install-deps machines || echo 'The tools that build for other machines and start them are not available.'
	@tests/machines/check-machines $(MACHINES)

# Test a few hooks on kernels that are set up in an unusual way; ODD='lockdown no-ipv6' names some.
check-odd: deps
	@tests/install-deps kernels || echo 'The tools that start other kernels are not available.'
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS)
	@tests/machines/check-odd $(ODD)

# Build the libraries and the commands with musl, and run the demo and a few files of tests with them;
# FILES='hooks/connect' names some.
check-musl: deps
	@tests/install-deps musl
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(TRIED)
	@BUILD=$(abspath $(BUILD)) tests/machines/check-musl $(FILES)

# Run everything that a release needs, and go on where something fails: hours. doc/matrix.md has the table.
MATRIX ?= check check-programs check-debian check-compilers check-kernels check-machines check-odd check-musl \
	check-reproducible check-rpm check-deb check-debs check-boot check-site analyze check-sanitize check-valgrind fuzz check-faults soak
check-matrix:
	@failed= table=; for target in $(MATRIX); do \
		start=$$(date +%s); result=passed; echo "== $$target"; \
		$(MAKE) --no-print-directory $$target || { result=FAILED && failed="$$failed $$target"; }; \
		table="$$table$$(printf '%-20s %-6s %6d s' $$target $$result $$(($$(date +%s) - start)))\n"; \
	done; printf "$$table"; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

# Install real programs and resolvers, and test with them. make check uses those that are installed.
check-programs: deps
	@tests/install-deps programs
	@$(MAKE) --no-print-directory -j$$(nproc) tested
	@tests/run tests/commands/programs.bats tests/hooks/resolvers.bats tests/commands/forms.bats \
		tests/commands/counters.bats tests/package/prometheus.bats tests/package/share.bats

# Test the commands with AddressSanitizer and UndefinedBehaviorSanitizer: about ten minutes.
WATCHED ?= $(filter-out %/docs.bats %/faults.bats %/faults-guard.bats %/install.bats %/trust.bats %/verifier.bats, \
	$(wildcard tests/*/*.bats))
SANITIZED = $(abspath $(BUILD))/sanitize
check-sanitize: deps
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=$(SANITIZED) HARDENING= WERROR= \
		CFLAGS='-g $(SANITIZE)' LDFLAGS='$(SANITIZE)' tested
	@BUILD=$(SANITIZED) tests/watched sanitize $(WATCHED)

# Run a few of these tests with valgrind, which also finds uninitialized bytes and lost memory.
VALGRINDED ?= $(patsubst %,tests/commands/%.bats,counters guard learn restore)
check-valgrind: deps
	@tests/install-deps analyze
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(TRIED)
	@BUILD=$(abspath $(BUILD)) LIMIT=3600 tests/watched valgrind $(VALGRINDED)

# Analyze the library and the commands with gcc and clang-tidy; .clang-tidy has the checks. One file
# at a time: clang-tidy misunderstands va_list in a second one. Only clang-tidy looks for leaks: gcc
# 12 loses track of pointers that are stored at an unknown index.
ANALYZED = $(patsubst %.c,$(BUILD)/analyze/%,$(LIB_SOURCES) $(wildcard cmd/*.c))
analyze: deps
	@tests/install-deps analyze
	@$(MAKE) --no-print-directory -k -j$$(nproc) $(ANALYZED)
$(BUILD)/analyze/%: %.c .clang-tidy $(OBJECTS:%=$(BUILD)/%.skel.h) \
		$(LIB_HEADERS) $(wildcard cmd/*.h)
	@mkdir -p $(@D)
	@gcc $(filter-out -MMD,$(ALL_CFLAGS)) -Werror -fanalyzer -Wno-analyzer-malloc-leak -c -o /dev/null $<
	@clang-tidy --quiet $< -- $(filter -std=% -D% -I%,$(filter-out -D_FORTIFY%,$(ALL_CFLAGS))) 2>/dev/null
	@touch $@

bench: deps
	@tests/install-deps bench
	@$(MAKE) --no-print-directory -j$$(nproc) all $(TOOLS) $(MEASURED)
	@tests/bench/run

# Compare this tree with another revision in one sitting; fail if a figure became slower.
REV ?= HEAD~1
bench-compare: deps
	@tests/install-deps bench
	@tests/bench/compare $(REV) $(PARTS)

$(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/old/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -DCGG_OLD -c -o $@ $<

$(BUILD)/names/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -DCGG_NAMES -c -o $@ $<

$(BUILD)/names_old/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -DCGG_NAMES -DCGG_OLD -c -o $@ $<

# A .rodata, .data or .bss map would be state without a pin.
$(BUILD)/cgguard.bpf.o: $(HOOKS)
$(BUILD)/cgguard_old.bpf.o: $(OLD_HOOKS)
$(BUILD)/cgguard_names.bpf.o: $(NAMES_HOOKS)
$(BUILD)/cgguard_names_old.bpf.o: $(NAMES_OLD_HOOKS)
$(OBJECTS:%=$(BUILD)/%.bpf.o):
	$(BPFTOOL) gen object $@ $^
	@! readelf -SW $@ | grep -E ' \.(rodata|data|bss)' || { echo "$@: global data" >&2; exit 1; }

# The code from bpftool has implicit conversions; compilers do not warn of them in system headers.
$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	{ echo '#pragma GCC system_header' && $(BPFTOOL) gen skeleton $< name $*_bpf; } > $@

$(BUILD)/cmd/object.o: $(OBJECTS:%=$(BUILD)/%.skel.h)

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/cmd/%.o: cmd/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/libcgg.a: $(LIB)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/cgg-detach $(BUILD)/cgg-names $(BUILD)/cgg-sockets: $(BUILD)/cmd/attached.o
$(BUILD)/cgg-attach $(BUILD)/cgg-rule $(BUILD)/cgg-sockets: $(BUILD)/cmd/sockets.o
$(BUILD)/cgg-events: $(BUILD)/cmd/forms.o
$(BUILD)/cgg-load: $(patsubst %,$(BUILD)/cmd/%.o,loads object renew types)
$(BUILD)/cgg-rule: $(patsubst %,$(BUILD)/cmd/%.o,ask ask_in change check diff edit elements export hint input list need progress rule)
$(BUILD)/cgg-attach $(BUILD)/cgg-run: $(BUILD)/cmd/need.o
$(BUILD)/cgg-set: $(patsubst %,$(BUILD)/cmd/%.o,elements hint)
$(BUILD)/cgg-status: $(patsubst %,$(BUILD)/cmd/%.o,effective fit html metrics named picture remedy sets tree)
$(BUILD)/cgg-top: MORE = $(CURSES)
$(BUILD)/cgg-top: $(patsubst %,$(BUILD)/cmd/%.o,flows sample screen sockets)
$(BUILD)/cgg-%: $(BUILD)/cmd/cgg-%.o $(BUILD)/cmd/cmd.o $(BUILD)/cmd/say.o $(BUILD)/libcgg.a
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) $(MORE)

# The unit tests have a library of their own, built once with the sanitizers. -O2 takes half as long again.
SANITIZE = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ASAN_LIB = $(LIB_SOURCES:%.c=$(BUILD)/watched/%.o)
$(BUILD)/watched/%.o: %.c $(LIB_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD,$(ALL_CFLAGS)) $(SANITIZE) -c -o $@ $<
$(BUILD)/watched/libcgg.a: $(ASAN_LIB)
	@rm -f $@
	$(AR) rcs $@ $^
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/watched/libcgg.a $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD,$(ALL_CFLAGS)) $(SANITIZE) -o $@ $(filter-out %.h,$^) -lcmocka $(LIBS)

$(BUILD)/tests/%: tests/engines/%.c $(wildcard tests/engines/*.h) $(BUILD)/libcgg.a
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -pthread -o $@ $(filter-out %.h,$^) $(LIBS)

# Fuzz the readers of files, lists, words and events with libFuzzer: make fuzz FUZZ_SECONDS=300
FUZZ = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 60
$(BUILD)/fuzz/%: tests/fuzz/%.c $(LIB_SOURCES) $(LIB_HEADERS)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $< $(LIB_SOURCES) $(LIBS)

fuzz: deps
	@$(MAKE) --no-print-directory $(FUZZ)
	@tests/fuzz/run $(FUZZ_SECONDS)

# MODE FOLDER FILE...: install puts the files there, and uninstall removes them.
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
BASH_COMPLETION = $(PREFIX)/share/bash-completion/completions
PLACES = '755 $(PREFIX)/sbin $(COMMANDS)' \
	'755 $(PREFIX)/libexec $(wildcard share/libexec/*)' \
	'644 $(PREFIX)/share/man/man5 $(wildcard man/*.5)' \
	'644 $(PREFIX)/share/man/man7 $(wildcard man/*.7)' \
	'644 $(PREFIX)/share/man/man8 $(wildcard man/*.8)' \
	'644 $(BASH_COMPLETION) completions/cgguard.bash' \
	'644 $(PREFIX)/share/zsh/site-functions completions/_cgguard' \
	'644 $(PREFIX)/share/fish/vendor_completions.d completions/cgguard.fish' \
	'644 $(PREFIX)/share/vim/vimfiles/syntax share/vim/syntax/cgguard.vim' \
	'644 $(PREFIX)/share/vim/vimfiles/ftdetect share/vim/ftdetect/cgguard.vim' \
	'644 $(PREFIX)/share/nano share/nano/cgguard.nanorc' \
	'644 $(PREFIX)/share/cgguard share/textmate/cgguard.tmLanguage.json' \
	'644 $(UNITDIR) $(wildcard share/systemd/*.service share/systemd/*.timer)' \
	'644 $(PREFIX)/share/cgguard share/systemd/guarded.conf' \
	'644 $(UDEVDIR) $(wildcard share/udev/*)' \
	'644 $(PREFIX)/share/cgguard/containers $(wildcard share/containers/*)' \
	'644 $(PREFIX)/share/cgguard/prometheus $(wildcard share/prometheus/*)' \
	'644 $(PREFIX)/share/cgguard/grafana $(wildcard share/grafana/*)' \
	'644 $(PREFIX)/share/cgguard/policies $(wildcard share/policies/*)'

# Paths below /usr/local become paths below PREFIX. Bash looks for a file by the command's name.
install: all
	@set -e; for place in $(PLACES); do \
		set -- $$place; mode=$$1 folder=$(DESTDIR)$$2; shift 2; \
		install -d $$folder; install -m $$mode "$$@" $$folder; \
		for file; do case $$file in man/* | share/containers/* | share/libexec/* | share/systemd/* | share/udev/*) \
			sed -i 's|/usr/local/|$(PREFIX)/|g' $$folder/$${file##*/};; esac; done; \
	done
	@for name in $(notdir $(COMMANDS)); do \
		ln -sf cgguard.bash $(DESTDIR)$(BASH_COMPLETION)/$$name; done

uninstall:
	@for place in $(PLACES); do \
		set -- $$place; folder=$(DESTDIR)$$2; shift 2; \
		for file; do rm -f $$folder/$${file##*/}; done; \
	done
	@rm -f $(patsubst $(BUILD)/%,$(DESTDIR)$(BASH_COMPLETION)/%,$(COMMANDS))
	@[ ! -d $(DESTDIR)$(PREFIX)/share/cgguard ] || \
		find $(DESTDIR)$(PREFIX)/share/cgguard -depth -type d -exec rmdir {} +

# Make a tarball of the last commit, the same bytes each time.
dist:
	@mkdir -p $(BUILD)
	@git archive --format=tar --prefix=cgguard-$(VERSION)/ HEAD | gzip -9n >$(BUILD)/cgguard-$(VERSION).tar.gz
	@ls $(BUILD)/cgguard-$(VERSION).tar.gz

# Build the tarball and the package twice, in different folders, and compare their bytes.
check-reproducible: deps
	@tests/machines/check-reproducible

# Build a Debian package from a copy of this tree; the results are in build/deb. The package's own make
# must not get this one's variables: make clean there would remove BUILD.
DEB = $(BUILD)/deb
deb: deps
	@tests/install-deps deb
	@rm -rf $(DEB)/cgguard $(DEB)/cgguard[_-]* && mkdir -p $(DEB)/cgguard
	@tar -c --exclude=./.git --exclude=./$(BUILD) --exclude=./build . | tar -x -C $(DEB)/cgguard
	@cd $(DEB)/cgguard && env -u BUILD -u MAKEFLAGS dpkg-buildpackage -us -uc >../cgguard.log 2>&1 || { cat ../cgguard.log; exit 1; }
	@lintian --allow-root --display-info --pedantic --fail-on error,warning $(DEB)/*.changes
	@ls $(DEB)/cgguard_*.deb

# Build an RPM of the last commit with this system's libraries; the result is in build/rpm.
RPM = $(abspath $(BUILD))/rpm
rpm: dist
	@tests/install-deps rpm
	@rm -rf $(RPM) && mkdir -p $(RPM)
	@env -u BUILD -u MAKEFLAGS rpmbuild -bb --nodeps --define '_topdir $(RPM)' \
		--define '_sourcedir $(abspath $(BUILD))' --define 'cgg_version $(VERSION)' \
		share/rpm/cgguard.spec >$(RPM)/log 2>&1 || { tail -n 40 $(RPM)/log; exit 1; }
	@ls $(RPM)/RPMS/*/cgguard-*.rpm

# Build the package for other machines; MACHINES='arm64' names some.
check-debs: deps
	@tests/install-deps deb
	@tests/machines/check-debs $(BUILD)/debs $(MACHINES)

# Install the RPM in a root of its own, run the demo there, and remove it.
check-rpm: rpm
	@tests/machines/check-rpm $(RPM)

# Install the package in a fresh Debian, run the demo, and purge it.
check-deb: deb
	@tests/machines/check-deb $(DEB)

# Test a clean clone in fresh Debian systems; RELEASES='13' names some, ONLY=demo runs no tests.
check-debian: deps
	@tests/install-deps roots
	@ONLY=$(ONLY) tests/machines/check-debian $(RELEASES)

# Boot a Debian with the package in QEMU: policies come before the network, and services are guarded
# from their first process.
check-boot: deb
	@tests/install-deps boot
	@tests/machines/check-boot $(DEB)

# Build the pages and documents as a static site in build/html; check it in headless Chromium.
html:
	@tests/install-deps html
	@doc/make-html $(BUILD)/html
check-site: deps
	@tests/install-deps site
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/run tests/package/site.bats

clean:
	rm -rf $(BUILD)

# When a header is gone that build/ remembers, compile again the files that included it.
%.h: ;

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/names/*.d $(BUILD)/lib/*/*.d $(BUILD)/tests/*/*.d)
