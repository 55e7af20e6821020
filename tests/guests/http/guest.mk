# SPDX-License-Identifier: BSD-2-Clause
# lwIP's core and IPv4, whatever files its version has of them.
LWIP_FROM := $(B)/src/lwip
LWIP_LIB := $(B)/obj/src/lwip/liblwip.a
SRC_GUESTS += http
SRC_OBJ_http := $(LWIP_LIB)

LWIP_FLAGS := -mgeneral-regs-only -Itests/guests/http/port \
	-I$(LWIP_FROM)/src/include
$(LWIP_LIB): $(wildcard tests/guests/http/port/*.h \
		tests/guests/http/port/arch/*.h) tests/guests/http/guest.mk \
		Makefile | $(LWIP_FROM)/.here $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$(LWIP_FROM))rm -f $@; for c in $(LWIP_FROM)/src/core/*.c \
		$(LWIP_FROM)/src/core/ipv4/*.c \
		$(LWIP_FROM)/src/netif/ethernet.c; do \
		o=$(@D)/$$(basename $$c .c).o; \
		$(CC) $(SRC_FLAGS) -Iguestkit/include -Ipvabi/include -I$(B)/gen \
			$(LWIP_FLAGS) -c $$c -o $$o && $(AR) rcD $@ $$o || exit 1; \
	done

HTTP_OWN := $(call obj_of,$(call srcs_in,tests/guests/http))
$(HTTP_OWN): GUEST_FLAGS += $(patsubst -I%,-isystem %,$(LWIP_FLAGS))
$(HTTP_OWN): | $(LWIP_FROM)/.here
