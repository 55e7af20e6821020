#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Install what a target needs: deps.sh [run|bench|test|check|fuzz|prove|sources].
#
# Does nothing when nothing is missing. NO_INSTALL=1 only names what is needed
# and stops where something is missing; so does a system without apt-get.
set -u
PATH=$PATH:/usr/sbin:/sbin
target=${1:-run}
libdir=/usr/lib/x86_64-linux-gnu
missing='' named='' absent=0

# need KIND WHAT PACKAGE[|PACKAGE...] WHY: KIND is prog or file
need() {
	case $1 in
	prog) command -v "$2" >/dev/null 2>&1 && here=1 || here=0 ;;
	file) here=0
		for f in $2; do
			[ -e "$f" ] && here=1
		done ;;
	esac
	if [ "$here" = 1 ]; then
		state='found   '
	else
		state='MISSING '
		absent=1
		missing="$missing $3"
	fi
	named="$named
  $state ${2%%[[:space:]]*}  (Debian: $3; $4)"
}

need_build() {
	need prog make make 'GNU make 4.3 or later'
	need prog gcc gcc '12 or later'
	need prog ld binutils '2.40 or later'
	need prog python3 python3 '3.11 or later, standard library only'
	need file "/usr/lib/crt0-efi-x86_64.o $libdir/crt0-efi-x86_64.o
		$libdir/gnuefi/crt0-efi-x86_64.o /usr/lib/gnuefi/crt0-efi-x86_64.o
		/usr/local/lib/crt0-efi-x86_64.o" gnu-efi '3.0.15 or later'
	[ -n "${FONT:-}" ] ||
		need file /usr/share/consolefonts/Unifont-APL8x16.psf.gz \
			psf-unifont 'the font of the console on a screen'
}

need_qemu() {
	need prog "${QEMU:-qemu-system-x86_64}" qemu-system-x86 '7.2 or later'
}

need_image() {
	need file "${OVMF:-/usr/share/ovmf/OVMF.fd}
		/usr/share/OVMF/OVMF_CODE_4M.fd" ovmf '2022.11 or later'
	need prog sgdisk gdisk 'any'
	need prog mkfs.vfat dosfstools 'any'
	need prog mcopy mtools 'any'
}

# What the private copy of Bochs takes from the system. (Without apt there is
# no private copy: then it is BOCHS_DIR or a bochs on PATH.)
need_bochs() {
	[ -n "${BOCHS_DIR:-}" ] && return
	if ! command -v apt-get >/dev/null 2>&1; then
		need prog bochs bochs '3.1 or later, or BOCHS_DIR='
		return
	fi
	need file "$libdir/libgtk-3.so.0" 'libgtk-3-0t64|libgtk-3-0' 'for Bochs'
	need file "$libdir/libltdl.so.7" libltdl7 'for Bochs'
	need file "$libdir/libreadline.so.8
		/lib/x86_64-linux-gnu/libreadline.so.8" \
		'libreadline8t64|libreadline8' 'for Bochs'
	need file "$libdir/libncurses.so.6
		/lib/x86_64-linux-gnu/libncurses.so.6" libncurses6 'for Bochs'
	need file "$libdir/libstdc++.so.6" libstdc++6 'for Bochs'
	need file "/usr/share/vgabios/vgabios.bin" vgabios 'for Bochs'
}

# For the guests that are built from Debian's source packages.
need_sources() {
	command -v apt-get >/dev/null 2>&1 || return
	need prog dpkg-source dpkg-dev 'for the sources of guests'
	need prog tclsh tcl 'for SQLite'
}

need_test() {
	need file /usr/include/cmocka.h libcmocka-dev '1.1 or later'
	need file /usr/include/stdio.h libc6-dev 'for the unit tests'
	need prog pkg-config 'pkgconf|pkg-config' 'for what is installed'
	need prog spin spin '6.5 or later, for the models'
	need prog ip iproute2 'for NET=tap:IF'
	need_fuzz
}

need_fuzz() {
	need prog "${CLANG:-clang}" clang '14 or later'
	lib=$("${CLANG:-clang}" -print-resource-dir 2>/dev/null)/lib
	need file "$lib/linux/libclang_rt.fuzzer-x86_64.a
		$lib/*/libclang_rt.fuzzer.a" libclang-rt-dev 'its libFuzzer'
}

need_check() {
	# Of the releases in use only Debian 12 has version 14.
	if grep -q '^VERSION_ID="12"' /etc/os-release 2>/dev/null; then
		need prog clang-format-14 clang-format-14 '14'
	fi
	need prog cppcheck cppcheck '2.10 or later'
	need prog g++ g++ '12 or later'
}

need_build
case $target in
run)
	case ${EMU:-qemu} in
	bochs) need_bochs ;;
	*) need_qemu ;;
	esac
	[ -z "${GUEST_SRC:-}" ] || need_sources
	need_image ;;
sources) need_sources ;;
bench) need_qemu; need_image; need_bochs ;;
test) need_qemu; need_image; need_bochs; need_test; need_check; need_sources ;;
fuzz) need_fuzz ;;
prove) ;;
check) need_test; need_check ;;
image) need_image ;;
*) echo "deps.sh: unknown target $target" >&2; exit 2 ;;
esac

# The first of a|b|c that this release of Debian has. Where apt has no lists yet:
# the last one for Debian 12.
choose() {
	for p in $(echo "$1" | tr '|' ' '); do
		if apt-cache show "$p" 2>/dev/null | grep -q '^Package:'; then
			echo "$p"
			return
		fi
	done
	if grep -q '^VERSION_ID="12"' /etc/os-release 2>/dev/null; then
		echo "${1##*|}"
	else
		echo "${1%%|*}"
	fi
}

choose_all() {
	packages=''
	for group in $missing; do
		packages="$packages $(choose "$group")"
	done
}

# Ends without installing: what is needed, and what to type for it.
name_all() {
	echo "$1needed for make $target:$named"
	if [ $absent = 1 ] && command -v apt-get >/dev/null 2>&1; then
		choose_all
		echo "as root: apt-get install --no-install-recommends$packages"
	fi
	exit $absent
}

[ -z "${NO_INSTALL:-}" ] || name_all ''
[ $absent = 0 ] && exit 0
command -v apt-get >/dev/null 2>&1 || name_all 'no apt-get here; ' >&2
if [ "$(id -u)" = 0 ]; then
	root="env"
elif command -v sudo >/dev/null 2>&1; then
	root='sudo env'
else
	name_all 'neither root nor sudo; ' >&2
fi

install_all() {
	choose_all
	echo "installing for make $target:$packages"
	# shellcheck disable=SC2086
	$root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $packages </dev/null
}

ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 ||
	$root apt-get update -qq </dev/null
if ! install_all; then
	$root apt-get update -qq </dev/null
	install_all || { echo "deps.sh: the installation failed" >&2; exit 1; }
fi
