# SPDX-License-Identifier: BSD-2-Clause
# SQLite's one large file, made by its own makefile, and its speedtest1.
SQLITE_FROM := $(B)/src/sqlite3
SQLITE_ONE := $(B)/src/sqlite3-one
SRC_GUESTS += sqlite
SRC_OBJ_sqlite := $(addprefix $(B)/obj/src/sqlite/,sqlite3.o speedtest1.o)

SQLITE_FLAGS := -DSQLITE_OS_OTHER -DSQLITE_THREADSAFE=0 -DSQLITE_TEMP_STORE=3 \
	-DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_WAL -DSQLITE_OMIT_LOCALTIME \
	-DSQLITE_OMIT_SHARED_CACHE -DSQLITE_DEFAULT_MEMSTATUS=0

$(SQLITE_ONE)/sqlite3.c $(SQLITE_ONE)/sqlite3.h &: | $(SQLITE_FROM)/.here
	@mkdir -p $(SQLITE_ONE)
	$(call say,SRC,$(SQLITE_ONE)/sqlite3.c)$(MAKE) -s --no-print-directory \
		-C $(SQLITE_ONE) -f $(abspath $(SQLITE_FROM))/main.mk \
		TOP=$(abspath $(SQLITE_FROM)) BCC='$(CC)' sqlite3.c >$(SQLITE_ONE)/log

$(B)/obj/src/sqlite/sqlite3.o: $(SQLITE_ONE)/sqlite3.c Makefile \
		tests/guests/sqlite/guest.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(SRC_FLAGS) $(SQLITE_FLAGS) $(DEPS) -c $< -o $@
$(B)/obj/src/sqlite/speedtest1.o: $(SQLITE_ONE)/sqlite3.h Makefile \
		tests/guests/sqlite/guest.mk
	@mkdir -p $(@D)
	$(call say,CC,speedtest1.c)$(CC) $(SRC_FLAGS) -U__linux__ \
		-Dmain=speedtest1_main -Itests/guests/sqlite/compat \
		-I$(SQLITE_ONE) -c $(SQLITE_FROM)/test/speedtest1.c -o $@

SQLITE_OWN := $(call obj_of,$(call srcs_in,tests/guests/sqlite))
$(SQLITE_OWN): GUEST_FLAGS += -I$(SQLITE_ONE)
$(SQLITE_OWN): | $(SQLITE_ONE)/sqlite3.h
