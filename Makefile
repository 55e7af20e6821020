# SPDX-License-Identifier: BSD-2-Clause
# The one Makefile of Parley: finds sources by wildcard, builds under $(B).

B ?= build
CC = gcc
LD = ld
AR = ar
OBJCOPY = objcopy
OBJDUMP = objdump
PYTHON ?= python3
COMMIT ?= $(shell git -c safe.directory='*' describe --always --dirty --abbrev=12 \
	2>/dev/null)
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14) clang-format)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
ifneq ($(V),1)
Q = @
say = @echo '  $(1)	$(2)';
endif

, := ,
# Every file under a folder, three levels deep: $(call files,folder,pattern).
files = $(sort $(foreach d,. * */* */*/*,$(patsubst $(1)/./%,$(1)/%,\
	$(wildcard $(1)/$(d)/$(2)))))

# ---------------------------------------------------------------- flags

WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wvla -Wundef
REPRO := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(B)=build \
	-fno-record-gcc-switches
DEPS = -MMD -MP -MF $(@:.o=.d)
BARE := -ffreestanding -mno-red-zone -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common \
	-fno-delete-null-pointer-checks -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include)
COMMON := -std=gnu11 -O2 -g $(WARN) $(REPRO) $(BARE)

HV_FLAGS := $(COMMON) -mgeneral-regs-only -fpic -fvisibility=hidden \
	-fshort-wchar -fno-jump-tables -Ihv -Ipvabi/include -I$(B)/gen
LTO := -flto -flto-partition=one -ffat-lto-objects
EFI_INC := $(firstword $(wildcard /usr/include/efi /usr/local/include/efi))
BOOT_FLAGS := -DGNU_EFI_USE_MS_ABI -isystem $(EFI_INC) \
	-isystem $(EFI_INC)/x86_64
EFI_LIB := $(patsubst %/,%,$(dir $(firstword $(foreach d,/usr/lib \
	/usr/lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu/gnuefi \
	/usr/lib/gnuefi /usr/lib64 /usr/local/lib,\
	$(wildcard $(d)/crt0-efi-x86_64.o)))))

FIXED := $(COMMON) -fno-pic -fno-pie -mcmodel=small \
	-fno-omit-frame-pointer
KIT_FLAGS := $(FIXED) -mgeneral-regs-only -Iguestkit/include -Idrivers \
	-Ipvabi/include -I$(B)/gen
LIBC_FLAGS := $(FIXED) -mgeneral-regs-only -Iguestkit/libc/include \
	-Iguestkit/include -Ipvabi/include -I$(B)/gen
DRV_FLAGS := $(FIXED) -mgeneral-regs-only -Idrivers -I. -Ipvabi/include \
	-I$(B)/gen
# A guest's source with the word USES_FPU in it is compiled with SSE.
GUEST_FLAGS = $(FIXED) -Iguestkit/include -Iguestkit/libc/include -Idrivers \
	-I. -Itests/guests -Ipvabi/include -I$(B)/gen \
	$(if $(shell grep -l USES_FPU $<),,-mgeneral-regs-only)
HOST_FLAGS := $(FIXED) -mgeneral-regs-only -Iguestkit/include \
	-Iguestkit/libc/include -Idrivers -I. -Ipvabi/include -I$(B)/gen \
	-Idrivers/host $(LTO)
UNIT_FLAGS := -std=gnu11 -O1 -g $(WARN) $(REPRO) -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-builtin-log -D_GNU_SOURCE -DPARLEY_UNIT=1 -Ihv -Ipvabi/include -Iguestkit/include \
	-Idrivers -I. -I$(B)/gen -Itests/unit $(BOOT_FLAGS)

# ---------------------------------------------------------------- sources

HV_C := $(call files,hv,*.c)
HV_S := $(call files,hv,*.S)
BOOT_C := $(filter hv/boot/%,$(HV_C))
ROOT_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(filter-out hv/boot/%,$(HV_C)))
HV_OBJ := $(BOOT_C:%.c=$(B)/obj/%.o) $(HV_S:%.S=$(B)/obj/%.o) $(B)/obj/root.o
HV_TEST_SRC := $(sort $(wildcard tests/hv/*.c))
HV_TESTS := $(HV_TEST_SRC:tests/hv/%.c=$(B)/hv/%.efi)
KIT_SRC := $(sort $(wildcard guestkit/*.c guestkit/*.S))
KIT_OBJ := $(patsubst %,$(B)/obj/%.o,$(basename $(KIT_SRC)))
LIBC_SRC := $(sort $(wildcard guestkit/libc/*.c guestkit/libc/*.S))
LIBC_OBJ := $(patsubst %,$(B)/obj/%.o,$(basename $(LIBC_SRC)))
DRV_SRC := $(sort $(filter-out drivers/host/%,$(wildcard drivers/*.c \
	drivers/*/*.c)))
DRV_OBJ := $(DRV_SRC:%.c=$(B)/obj/%.o)
HOST_SRC := $(sort $(wildcard drivers/host/*.c drivers/host/*.S))
HOST_OBJ := $(patsubst %,$(B)/obj/%.o,$(basename $(HOST_SRC)))
BENCH_SRC := $(sort $(wildcard tests/bench/*.c tests/bench/*.S))
# The host partition's program whose self test measures the calls that only it
# can make.
BENCH_HOST_SRC := $(sort $(wildcard tests/bench/host/*.c)) tests/bench/sample.c
UNIT_SRC := $(call files,tests/unit,test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

# A guest is one file or one folder; its name is that of the file or folder.
srcs_in = $(sort $(wildcard $(1)/*.c $(1)/*.S))
GUEST_DIRS := $(patsubst %/,%,$(sort $(wildcard tests/guests/*/ \
	guestkit/examples/*/)))
# (A folder with its own linker script is a kernel outside the tree, for a test;
# one with a guest.mk is made from sources of Debian's, see below.)
GUEST_DIRS := $(foreach d,$(GUEST_DIRS),$(if $(wildcard $(d)/*.lds \
	$(d)/guest.mk),,$(if $(call srcs_in,$(d)),$(d))))
GUEST_ONE := $(sort $(wildcard tests/guests/*.c))
GUESTS := $(sort $(notdir $(GUEST_DIRS) $(GUEST_ONE:.c=)) \
	$(if $(BENCH_SRC),bench))
GUEST_ELF := $(GUESTS:%=$(B)/guests/%.elf) $(B)/guests/bare.elf
LIBS := $(B)/libparleydrv.a $(B)/libparleykit.a $(B)/libparleyc.a

GEN := $(B)/gen/.pvabi $(B)/gen/version.h $(B)/gen/font.h

# ---------------------------------------------------------------- targets

.PHONY: all hv guestkit drivers host guests unit image run test bench fuzz prove \
	stress pvtrace size check format docs abi clean help deps install objs FORCE
all: hv host guests
objs: $(HV_OBJ) $(KIT_OBJ) $(LIBC_OBJ) $(DRV_OBJ) $(HOST_OBJ)

hv: $(B)/parley.efi
guestkit: $(B)/libparleykit.a $(B)/libparleydrv.a $(B)/libparleyc.a
drivers: $(B)/libparleydrv.a
host: $(B)/host.elf $(B)/parleyctl
pvtrace: $(B)/pvtrace
guests: $(GUEST_ELF) $(B)/bench-host/host.elf $(HV_TESTS)

# Of GUEST=, those whose sources come from Debian: by name, or by file.
GUEST_SRC = $(filter $(SRC_GUESTS),$(patsubst $(B)/guests/%.elf,%,$(GUEST)))

# What the recipes below run with: everything the user may set.
TOOL = B='$(B)' MAKE='$(MAKE)' $(PYTHON)
export EMU MODEL ACCEL SMP MEM GUEST PROFILE VCPUS GUEST_MEM CMDLINE CFG TIMEOUT \
	DEBUG BLOCK NET FOLDER PCAP \
	QEMU_ARGS GDB NO_INSTALL BOCHS_DIR JOBS QEMU OVMF DEBIAN_MIRROR CYCLES

deps:
	@GUEST_SRC='$(GUEST_SRC)' sh tests/check/deps.sh $(DEPS_FOR)

# Sub-make, so that what deps.sh has just installed is found; on all CPUs.
JOBS_HERE = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
define with_deps
	@GUEST_SRC='$(GUEST_SRC)' sh tests/check/deps.sh $(1)
	@+$(MAKE) --no-print-directory $(JOBS_HERE) B='$(B)' $(2)
endef

# A guest that is made from sources of Debian's is built where it is wanted.
run:
	$(call with_deps,run,all $(GUEST_SRC:%=$(B)/guests/%.elf))
	@$(TOOL) tests/emu/run.py
test:
	$(call with_deps,test,all unit-build fuzz-build)
	-@+$(MAKE) --no-print-directory B='$(B)' guests-src
	@$(TOOL) tests/emu/suite.py
bench:
	$(call with_deps,bench,all)
	$(if $(GUEST)$(CYCLES),,-@+$(MAKE) --no-print-directory B='$(B)' bench-src)
	@$(TOOL) tests/bench/bench.py $(if $(GUEST),--guest '$(GUEST)') $(MODEL)
# Ends non-zero on a finding; what is new in the corpus stays under $(B).
FUZZ_S ?= 60
fuzz:
	$(call with_deps,fuzz,fuzz-build)
	@mkdir -p $(B)/fuzz/corpus
	@cd $(B)/fuzz && ./fuzz -max_total_time=$(FUZZ_S) -max_len=1500 \
		-len_control=0 -print_final_stats=1 -verbosity=0 \
		corpus $(CURDIR)/tests/fuzz/corpus
# STRESS_ONLY=host, guest, net, svm, ...: part of a boot's name.
stress:
	$(call with_deps,test,all)
	-@+$(MAKE) --no-print-directory B='$(B)' guests-src
	@STRESS_ROUNDS='$(STRESS_ROUNDS)' STRESS_ONLY='$(STRESS_ONLY)' \
		SEED='$(SEED)' $(TOOL) tests/emu/stress.py
prove:
	$(call with_deps,prove,$(GEN))
	@$(TOOL) tests/prove/prove.py $(if $(MUTANTS),--mutants)
unit: unit-build
	@$(TOOL) tests/emu/suite.py unit
image:
	$(call with_deps,image,$(B)/parley.img)
check:
	$(call with_deps,check,$(GEN))
	@$(TOOL) tests/check/check.py
size: hv
	@$(TOOL) tests/check/size.py
format:
	@for f in $$($(PYTHON) tests/check/files.py); do \
		$(CLANG_FORMAT) --assume-filename=$${f%.h}.c <$$f >$$f.new && \
		if cmp -s $$f $$f.new; then rm $$f.new; \
		else mv $$f.new $$f; echo "  FORMAT	$$f"; fi; done
docs:
	@mkdir -p docs
	$(PYTHON) -B pvabi/manual.py docs/pvabi.md
abi:
	@$(PYTHON) -B tests/check/abi.py --update
clean:
	rm -rf '$(B)'
help:
	@sed -n 's/^#: //p' Makefile

#: make          build hypervisor, host partition and guests
#: make run      boot the demonstration, then the cost table, in an emulator
#:               EMU=qemu|bochs ACCEL=kvm|tcg SMP=n MEM=mib TIMEOUT=s
#:               MODEL=ryzen (with EMU=bochs: SVM instead of VMX)
#:               GUEST=file.elf (or a name: sqlite) PROFILE=pv|hvm|classic VCPUS=n GUEST_MEM=16M
#:               CMDLINE=text CFG=file QEMU_ARGS=... GDB=1 NO_INSTALL=1
#:               with GUEST=, lists ("a:x b:y") or each again, see docs/operating.md:
#:               BLOCK=name:file[:ro] FOLDER=[tag:]folder[:ro]
#:               NET=user[,fwd=8080:80]|tap:IF PCAP=[network:]file
#:               DEBUG=1: a build that holds each call to the manual
#: make guests-src  the guests made from sources of Debian's, which it fetches
#: make test     every test on both back ends; ends in "N passed, N failed"
#: make unit     only the unit tests, under ASan and UBSan
#: make fuzz     random calls against the invariants, for FUZZ_S=60 seconds
#: make stress   kills the host partition, and guests, amid I/O, STRESS_ROUNDS=50
#:               times each at random points; SEED=n: the same again
#: make prove    properties that CBMC proves; MUTANTS=1: and how they fail
#: make check    formatting, layers, headers, static analysis
#: make bench    the cost table for both back ends, also as CSV and JSON
#:               MODEL=ryzen: another one, SVM with NRIP save, on Bochs
#:               CYCLES=1: in TSC cycles, for KVM and real hardware
#:               GUEST=file.elf: of the code that this guest measures itself
#: make size     sizes of parley.efi and of the code in root mode
#: make image    only build the disk image, build/parley.img
#: make deps     install what is missing (DEPS_FOR=run|test|check|bench)
#: make format   reformat the sources with clang-format 14
#: make docs     write docs/pvabi.md from the table
#: make abi      record a new version of the ABI in pvabi/abi.txt
#: make pvtrace  build/pvtrace, which prints saved traces
#: build/parleyctl  drives a machine that make run has started, from outside
#: make install  DESTDIR= PREFIX=: ABI headers, kit, manual, pkg-config files
#: make clean    remove the output folder (B=, by default build)

# ---------------------------------------------------------------- generated

$(B)/gen/version.h: FORCE
	@mkdir -p $(@D)
	@{ echo '/* Generated. */'; \
	echo '#define PARLEY_VERSION "0.1"'; \
	echo '#define PARLEY_COMMIT "$(or $(COMMIT),unknown)"'; } > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The console's font, from the Debian package psf-unifont (FONT=: another PSF of
# 8 by 16 pixels).
FONT ?= /usr/share/consolefonts/Unifont-APL8x16.psf.gz
$(B)/gen/font.h: drivers/host/psf.py $(wildcard $(FONT))
	@mkdir -p $(@D)
	@test -e '$(FONT)' || { echo "no font $(FONT): install psf-unifont" >&2; \
		exit 1; }
	$(call say,GEN,font)$(PYTHON) -B drivers/host/psf.py '$(FONT)' > $@.new
	@mv $@.new $@

$(B)/gen/.pvabi: $(wildcard pvabi/*.py pvabi/*.def)
	@mkdir -p $(@D)/pvabi
	$(call say,GEN,pvabi)if [ -f pvabi/gen.py ]; then \
		$(PYTHON) -B pvabi/gen.py $(@D); fi
	@touch $@

# Looked at again when that has run: it writes only what changes.
$(B)/gen/pvabi/%.h: $(B)/gen/.pvabi ;

# ---------------------------------------------------------------- compiling

# $(call compile,folder,flags): sources below one folder, with its flags.
define compile
$(B)/obj/$(1)/%.o: $(1)/%.c Makefile | $(GEN)
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$(CC) $(2) $$(DEPS) -c $$< -o $$@
$(B)/obj/$(1)/%.o: $(1)/%.S Makefile | $(GEN)
	@mkdir -p $$(@D)
	$$(call say,AS,$$<)$(CC) $(2) -D__ASSEMBLY__ $$(DEPS) -c $$< -o $$@
endef
# The boot stage runs once: it is to be small.
$(eval $(call compile,hv/boot,$(HV_FLAGS) -Os $(BOOT_FLAGS)))
# So is what root mode does once, at a restart, or when it has failed.
HV_SELDOM := hv/main/% hv/arch/amdvi.c hv/arch/exception.c \
	hv/arch/iommu.c hv/arch/vtd.c hv/core/quiet.c hv/core/renew.c hv/lib/panic.c hv/lib/pci.c \
	hv/lib/power.c hv/lib/symtab.c
$(patsubst %.c,$(B)/obj/%.o,$(filter $(HV_SELDOM),$(HV_C))): HV_SMALL := -Os
$(eval $(call compile,hv,$(HV_FLAGS) $$(HV_SMALL) $(LTO)))
$(eval $(call compile,guestkit/libc,$(LIBC_FLAGS)))
$(eval $(call compile,guestkit/examples,$$(GUEST_FLAGS)))
$(eval $(call compile,guestkit,$(KIT_FLAGS)))
$(eval $(call compile,drivers/host,$(HOST_FLAGS) -frandom-seed=$$<))
$(eval $(call compile,drivers,$(DRV_FLAGS)))
$(eval $(call compile,tests/guests,$$(GUEST_FLAGS)))
$(eval $(call compile,tests/bench,$$(GUEST_FLAGS)))
$(eval $(call compile,tests/hv,$(HV_FLAGS) $(BOOT_FLAGS)))

# ---------------------------------------------------------------- hypervisor

# Root mode is optimized as one: its paths cross many files.
$(B)/obj/root.o: $(ROOT_OBJ) Makefile
	$(call say,LTO,$@)$(CC) $(HV_FLAGS) $(LTO) -flinker-output=nolto-rel \
		-nostdlib -r $(ROOT_OBJ) -o $@

HV_LINK = $(LD) -nostdlib -shared -Bsymbolic -z defs -z noexecstack \
	-z norelro -z max-page-size=4096 --build-id=none --hash-style=sysv \
	--fatal-warnings --no-warn-rwx-segments --no-undefined \
	-T hv/boot/parley.lds \
	$(EFI_LIB)/crt0-efi-x86_64.o
HV_TAIL = $(EFI_LIB)/libgnuefi.a
SYMTAB = $(PYTHON) -B hv/boot/symtab.py

$(B)/obj/symtab0.S: hv/boot/symtab.py
	@mkdir -p $(@D)
	@$(SYMTAB) > $@
$(B)/obj/%.o: $(B)/obj/%.S
	@$(CC) -c $< -o $@

# $(call hypervisor,name,objects): a first link with an empty symbol table, a
# second with the real one. The table is in the read-only data behind the text,
# so that it moves no function.
define hypervisor
$(B)/obj/$(1)0.elf: $(2) $(B)/obj/symtab0.o hv/boot/parley.lds Makefile
	$$(call say,LD,$$@)mkdir -p $$(@D); \
		$(HV_LINK) $(2) $(B)/obj/symtab0.o $(HV_TAIL) -o $$@
$(B)/obj/$(1)-symtab1.S: $(B)/obj/$(1)0.elf hv/boot/symtab.py
	@$(SYMTAB) $$< > $$@
$(B)/$(1).elf: $(2) $(B)/obj/$(1)-symtab1.o hv/boot/parley.lds
	$$(call say,LD,$$@)mkdir -p $$(@D); \
		$(HV_LINK) $(2) $(B)/obj/$(1)-symtab1.o $(HV_TAIL) -o $$@
	@$(SYMTAB) $$@ | cmp - $(B)/obj/$(1)-symtab1.S
$(B)/$(1).efi: $(B)/$(1).elf hv/boot/fixpe.py
	$$(call say,EFI,$$@)$(OBJCOPY) -S -j .text -j .rodata -j .data -j .dynamic \
		-j .rela -j .reloc --target efi-app-x86_64 \
		--subsystem 10 $$< $$@.tmp
	@$(PYTHON) -B hv/boot/fixpe.py $$@.tmp
	@mv $$@.tmp $$@
endef
$(eval $(call hypervisor,parley,$(HV_OBJ)))

# The same with an object of tests/hv: something is broken on purpose. Debug
# builds (debug*.c) hold each call to what the table declares of it, and poison
# what it may clobber: their exit stubs are made with another include file.
hv_test = $(B)/obj/tests/hv/$(1).o
POISONED := $(patsubst hv/%.S,$(B)/obj/poison/%.o,$(wildcard hv/virt/*/stub.S))
DEBUG_OBJ := $(filter-out $(B)/obj/hv/virt/%/stub.o,$(HV_OBJ)) $(POISONED) \
	$(call hv_test,debug)
$(B)/obj/poison/%.o: hv/%.S Makefile | $(GEN)
	@mkdir -p $(@D)
	$(call say,AS,$< (poison))$(CC) -Itests/hv/poison $(HV_FLAGS) \
		-D__ASSEMBLY__ $(DEPS) -c $< -o $@
$(foreach v,$(HV_TEST_SRC:tests/hv/%.c=%),$(eval $(call hypervisor,hv/$(v),\
	$(if $(filter debug%,$(v)),$(filter-out $(call hv_test,$(v)),\
	$(DEBUG_OBJ)),$(HV_OBJ)) $(call hv_test,$(v)))))

# ---------------------------------------------------------------- kit, guests

define archive
$(1): $(2) Makefile
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)rm -f $$@; $(AR) rcsD $$@ $(2)
endef
$(eval $(call archive,$(B)/libparleykit.a,$(KIT_OBJ)))
$(eval $(call archive,$(B)/libparleyc.a,$(LIBC_OBJ)))
$(eval $(call archive,$(B)/libparleydrv.a,$(DRV_OBJ)))

# The host partition's program is optimized as one; the rest has no part in it.
KIT_LINK = $(CC) -O2 -g $(LTO) $(REPRO) -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-z,noexecstack,-z,max-page-size=4096,-z,norelro \
	-Wl,--fatal-warnings,--gc-sections -Wl,-T,guestkit/kit.lds
KIT_TAIL = -Wl,--start-group $(LIBS) -Wl,--end-group -lgcc

define elf
$(1): $(2) $(LIBS) guestkit/kit.lds Makefile
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(KIT_LINK) $(2) $(KIT_TAIL) -o $$@
endef
obj_of = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))
$(eval $(call elf,$(B)/host.elf,$(HOST_OBJ)))
$(if $(BENCH_SRC),$(eval $(call elf,$(B)/guests/bench.elf,\
	$(call obj_of,$(BENCH_SRC)))))
$(eval $(call elf,$(B)/bench-host/host.elf,$(call obj_of,$(BENCH_HOST_SRC)) \
	$(filter-out $(B)/obj/drivers/host/selftest%,$(HOST_OBJ))))
$(foreach g,$(GUEST_ONE),$(eval $(call elf,\
	$(B)/guests/$(notdir $(g:.c=)).elf,$(call obj_of,$(g)))))
$(foreach d,$(GUEST_DIRS),$(eval $(call elf,\
	$(B)/guests/$(notdir $(d)).elf,$(call obj_of,$(call srcs_in,$(d))))))

# Guests made from source packages of Debian's, which are fetched for them: a
# guest.mk adds its name to SRC_GUESTS, and its objects as SRC_OBJ_name.
SRC_FLAGS := $(FIXED) -w -Iguestkit/libc/include
SRC_GUESTS :=
include $(sort $(wildcard tests/guests/*/guest.mk))
SRC_C := $(foreach g,$(SRC_GUESTS),$(call srcs_in,tests/guests/$(g)))
$(foreach g,$(SRC_GUESTS),$(eval $(call elf,$(B)/guests/$(g).elf,$(call \
	obj_of,$(call srcs_in,tests/guests/$(g))) $(SRC_OBJ_$(g)))))
$(B)/src/%/.here:
	@$(TOOL) -B tests/emu/sources.py $* $(B)/src >/dev/null
	@touch $@
.PHONY: guests-src bench-src
guests-src:
	$(call with_deps,sources,$(SRC_GUESTS:%=$(B)/guests/%.elf))
# That whose rows the cost table has; without it they are left out.
bench-src:
	$(call with_deps,sources,$(B)/guests/sqlite.elf)

# A kernel that knows the ABI's headers alone, built by its own Makefile.
$(B)/guests/bare.elf: $(wildcard tests/guests/bare/*) Makefile $(GEN) \
		$(addprefix $(B)/gen/pvabi/,calls.h stubs.h) \
		$(wildcard pvabi/include/pvabi/*.h)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(MAKE) -s -B --no-print-directory -C tests/guests/bare \
		ABI_CFLAGS='-I$(CURDIR)/pvabi/include -I$(abspath $(B))/gen' \
		OUT='$(abspath $@)'

# The tracer's decoder, for the machine that builds.
PVTRACE_SRC := drivers/host/tool/pvtrace.c drivers/host/trace_raw.c \
	drivers/host/trace_text.c
$(B)/pvtrace: $(PVTRACE_SRC) $(wildcard drivers/host/trace_*.h) $(GEN) Makefile
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 -g $(WARN) $(REPRO) -Idrivers/host \
		-Ipvabi/include -I$(B)/gen -I. $(PVTRACE_SRC) -o $@

# Drives a running machine; from the machine that builds, too.
$(B)/parleyctl: drivers/host/tool/parleyctl.py
	@mkdir -p $(@D)
	@install -m 755 $< $@

# ---------------------------------------------------------------- unit tests

# Each test names the real sources that it links in a TEST-SRC: line.
test_src = $(shell sed -n 's,^.*TEST-SRC: *,,p' $(1) | sed 's,\*/,,g')
define unit_test
$(B)/unit/$(1): $(B)/unit/obj/tests/unit/$(1).o \
		$(patsubst %.c,$(B)/unit/obj/%.o,\
		$(call test_src,tests/unit/$(1).c)) Makefile
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(CC) -fsanitize=address,undefined \
		$$(filter %.o,$$^) -lcmocka -o $$@
endef
$(foreach t,$(UNIT_SRC:tests/unit/%.c=%),$(eval $(call unit_test,$(t))))
$(B)/unit/obj/%.o: %.c Makefile | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$< (unit))$(CC) $(UNIT_FLAGS) $(DEPS) -c $< -o $@

# Plays on images of FAT32 volumes, for tests/fat/test_fat.py.
FAT_OBJ := $(patsubst %.c,$(B)/unit/obj/%.o,$(wildcard tests/fat/*.c \
	drivers/fat/*.c))
$(B)/fat-play: $(FAT_OBJ) Makefile
	$(call say,LD,$@)$(CC) -fsanitize=address,undefined \
		$(filter %.o,$^) -o $@

.PHONY: unit-build
unit-build: $(UNIT_BIN) $(B)/pvtrace $(B)/fat-play

# ---------------------------------------------------------------- fuzzer

# The hypervisor's own sources on the machine that tests/fuzz plays: all but
# assembly, the devices beneath it and its start. Its variables are in two
# sections, so that each run begins with what they were: none may have another.
CLANG ?= clang
FUZZ_HV := $(filter-out hv/boot/% hv/arch/% hv/main/main.c \
	hv/lib/cpu.c hv/lib/panic.c hv/lib/pci.c hv/lib/power.c hv/lib/string.c \
	hv/lib/symtab.c hv/lib/uart.c,$(HV_C)) hv/boot/virt.c hv/boot/vmx.c
FUZZ_SIM := $(filter-out tests/fuzz/fuzz.c tests/fuzz/test_%.c,\
	$(wildcard tests/fuzz/*.c))
FUZZ_SAN := address,undefined
FUZZ_FLAGS := -std=gnu11 -O2 -g $(filter-out -Wmissing-prototypes,$(WARN)) \
	$(filter-out -fno-record%,$(REPRO)) -fno-omit-frame-pointer \
	-D_GNU_SOURCE -DPARLEY_UNIT=1 -DHANDLE_STEP=2u -Dlog=hv_log -Ihv -Ipvabi/include \
	-I$(B)/gen -I.
# Clang 19, unlike 14, gives each variable a section, unless told otherwise.
TOGETHER := -fno-sanitize-address-globals-dead-stripping
FUZZ_HV_FLAGS = -w -include tests/fuzz/insn.h -fno-sanitize-recover=all \
	-fsanitize=fuzzer-no-link,$(FUZZ_SAN) -fno-sanitize=alignment \
	$(shell $(CLANG) $(TOGETHER) -E -xc /dev/null >/dev/null 2>&1 && \
	echo $(TOGETHER))
FUZZ_WRAP := --wrap=frame_alloc --wrap=frame_free \
	--wrap=gmem_shootdown --wrap=virt_flush_linear --wrap=gmem_log_read \
	--wrap=vcpu_renew
FUZZ_BIN := $(B)/fuzz/fuzz $(B)/fuzz/test_tlb
fo = $(patsubst %.c,$(B)/fuzz/obj/%.o,$(1))
$(B)/fuzz/obj/hv/core/frame.o: FUZZ_HV_FLAGS += -fno-sanitize=address \
	-Dmemset=sim_memset
$(B)/fuzz/obj/hv/%.o: hv/%.c Makefile | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$< (fuzz))$(CLANG) $(FUZZ_FLAGS) $(FUZZ_HV_FLAGS) \
		$(DEPS) -c $< -o $@
$(B)/fuzz/obj/tests/%.o: tests/%.c Makefile | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$< (fuzz))$(CLANG) $(FUZZ_FLAGS) $(DEPS) -c $< -o $@
$(B)/fuzz/obj/hv.o: $(call fo,$(FUZZ_HV))
	$(call say,LD,$@)$(LD) -r $(FUZZ_WRAP) $^ -o $@
	@$(OBJCOPY) --rename-section .data=hvdata \
		--rename-section .bss=hvbss,alloc,load,data,contents $@
	@! $(OBJDUMP) -h $@ | grep -E ' \.(bss|data)(\.|  )' | grep -v rel.ro
$(B)/fuzz/fuzz $(B)/fuzz/test_tlb: $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%.o \
		$(B)/fuzz/obj/hv.o $(call fo,$(FUZZ_SIM))
	$(call say,LD,$@)$(CLANG) -fsanitize=$(if $(findstring test,$@),,fuzzer$(,))$(FUZZ_SAN) \
		$(FUZZ_WRAP:%=-Wl,%) $^ -o $@
.PHONY: fuzz-build
fuzz-build: $(FUZZ_BIN)

# ---------------------------------------------------------------- image

DEMO_CFG := tests/emu/demo.cfg
$(B)/parley.img: $(B)/parley.efi $(B)/host.elf $(GUEST_ELF) $(DEMO_CFG) \
		tests/emu/image.py
	$(call say,IMG,$@)$(TOOL) -B tests/emu/image.py $@ $(DEMO_CFG)

# ---------------------------------------------------------------- install

# What a kernel outside the tree needs; the version is the ABI's.
PREFIX ?= /usr/local
AT = $(DESTDIR)$(PREFIX)
ABI_VERSION = $(shell sed -n 's/^.define PV_ABI_M[AJINOR]* \([0-9]*\)u$$/\1/p' \
	pvabi/include/pvabi/abi.h | paste -sd.)
install: guestkit drivers $(GEN)
	install -d $(AT)/include/pvabi $(AT)/include/kit \
		$(AT)/include/parley-libc $(AT)/include/parley-drivers \
		$(AT)/lib/pkgconfig $(AT)/share/parley
	install -m 644 pvabi/include/pvabi/*.h \
		$(addprefix $(B)/gen/pvabi/,calls.h names.h stubs.h) \
		$(AT)/include/pvabi
	install -m 644 guestkit/include/kit/*.h $(AT)/include/kit
	install -m 644 guestkit/libc/include/*.h $(AT)/include/parley-libc
	install -m 644 drivers/*.h $(AT)/include/parley-drivers
	install -m 644 $(LIBS) $(AT)/lib
	install -m 644 guestkit/kit.lds docs/pvabi.md docs/porting.md \
		$(AT)/share/parley
	sh guestkit/pkgconfig.sh $(ABI_VERSION) $(AT)/lib/pkgconfig

-include $(HV_OBJ:.o=.d) $(POISONED:.o=.d) $(ROOT_OBJ:.o=.d) $(HV_TEST_SRC:%.c=$(B)/obj/%.d) $(KIT_OBJ:.o=.d) $(LIBC_OBJ:.o=.d) \
	$(DRV_OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(patsubst %.o,%.d,$(call obj_of,$(BENCH_SRC) $(BENCH_HOST_SRC))) \
	$(foreach s,$(GUEST_ONE) $(foreach d,$(GUEST_DIRS),\
		$(call srcs_in,$(d))) $(SRC_C),$(B)/obj/$(basename $(s)).d) \
	$(foreach g,$(SRC_GUESTS),$(patsubst %.o,%.d,$(filter %.o,$(SRC_OBJ_$(g))))) \
	$(UNIT_SRC:%.c=$(B)/unit/obj/%.d) $(FAT_OBJ:.o=.d) \
	$(patsubst %.o,%.d,$(call fo,$(FUZZ_HV) $(wildcard tests/fuzz/*.c))) \
	$(sort $(foreach t,$(UNIT_SRC),$(patsubst %.c,$(B)/unit/obj/%.d,\
		$(call test_src,$(t)))))

print-%:
	@echo '$($*)'
