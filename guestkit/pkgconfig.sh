#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes the pkg-config files: pkgconfig.sh VERSION FOLDER.
#
# parley-abi  the ABI's headers: a kernel of any make
# parley-kit  and the kit; the kernel brings memcpy, memmove, memset and memcmp
# parley      and the kit's libc
# The variable `lds` is the kit's linker script: -Wl,-T,$(pkg-config
# --variable=lds parley). They find their files from where they are.
set -eu

head() {
	printf '%s\n' 'prefix=${pcfiledir}/../..' 'includedir=${prefix}/include' \
		'libdir=${prefix}/lib' 'lds=${prefix}/share/parley/kit.lds' '' \
		"Name: $1" "Description: $2" "Version: $3"
}

flags='-ffreestanding -fno-pic -fno-pie -mcmodel=small -mno-red-zone'
flags="$flags -fno-stack-protector -fcf-protection=none"
flags="$flags -fno-asynchronous-unwind-tables"
link='-nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack'
link="$link -Wl,-z,max-page-size=4096 -Wl,-z,norelro -Wl,--gc-sections"

{
	head parley-abi "Headers of Parley's hypercall ABI" "$1"
	echo 'Cflags: -I${includedir}'
} >"$2/parley-abi.pc"
{
	head parley-kit "Guest kit of Parley, without a libc" "$1"
	echo "Cflags: $flags -I\${includedir}"
	echo "Libs: $link -L\${libdir} -Wl,--start-group,-lparleykit,-lparleydrv,--end-group -lgcc"
} >"$2/parley-kit.pc"
{
	head parley "Guest kit of Parley, and its libc" "$1"
	echo "Cflags: $flags -isystem \${includedir}/parley-libc -I\${includedir}"
	echo "Libs: $link -L\${libdir} -Wl,--start-group,-lparleykit,-lparleydrv,-lparleyc,--end-group -lgcc"
} >"$2/parley.pc"
