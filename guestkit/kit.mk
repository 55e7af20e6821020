# SPDX-License-Identifier: BSD-2-Clause
# Builds a guest outside the tree. A guest's Makefile is four lines:
#
#	NAME = hello
#	SRC = hello.c more.c entry.S
#	PARLEY = /path/to/parley
#	include $(PARLEY)/guestkit/kit.mk
#
# and gives NAME.elf. May be set before the include:
#   KIT_B      folder with the built kit; default $(PARLEY)/build (made if
#              missing)
#   KIT_LDS    linker script; default the kit's. A script of your own needs
#              ENTRY(kit_entry), segments with their permissions, and must keep
#              the section pv_calls
#   KIT_LIBC   no: neither headers nor archive of the kit's libc; then the guest
#              brings memcpy, memmove, memset and memcmp, as GCC demands
#   KIT_CFLAGS, KIT_LDFLAGS   appended
#
# Without make, the same by hand:
#   gcc $(KIT_FLAGS) -c x.c -o x.o
#   gcc $(KIT_LINK) -Wl,-T,my.lds x.o libparleykit.a libparleydrv.a -lgcc -o x.elf
# with the flags below; a kernel compiled with others works as long as it keeps
# no data in the red zone.

KIT_B ?= $(PARLEY)/build
KIT_LDS ?= $(PARLEY)/guestkit/kit.lds
KIT_LIBC ?= yes
KIT_CC ?= gcc

KIT_FLAGS := -std=gnu11 -O2 -g -Wall -ffreestanding -fno-pic -fno-pie \
	-mcmodel=small -mno-red-zone -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
	-I$(PARLEY)/guestkit/include -I$(PARLEY)/pvabi/include -I$(KIT_B)/gen
ifeq ($(KIT_LIBC),yes)
KIT_FLAGS += -nostdinc \
	-isystem $(shell $(KIT_CC) -print-file-name=include) \
	-isystem $(PARLEY)/guestkit/libc/include
KIT_LIBS := $(KIT_B)/libparleykit.a $(KIT_B)/libparleydrv.a $(KIT_B)/libparleyc.a
else
KIT_LIBS := $(KIT_B)/libparleykit.a $(KIT_B)/libparleydrv.a
endif
KIT_LINK := -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-z,noexecstack,-z,max-page-size=4096,-z,norelro

$(NAME).elf: $(SRC) $(KIT_LIBS) $(KIT_LDS)
	$(KIT_CC) $(KIT_FLAGS) $(KIT_CFLAGS) $(KIT_LINK) -Wl,-T,$(KIT_LDS) \
		$(KIT_LDFLAGS) $(SRC) -Wl,--start-group $(KIT_LIBS) \
		-Wl,--end-group -lgcc -o $@

$(KIT_B)/libparleykit.a $(KIT_B)/libparleydrv.a $(KIT_B)/libparleyc.a:
	$(MAKE) -C $(PARLEY) B=$(abspath $(KIT_B)) guestkit
