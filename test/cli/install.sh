#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What make install puts on a machine: programs for people and their pages, and
# nothing that only tests use.
. "$(dirname "$0")/common.sh"

cmake --install "$SELVAGE_BUILD" --prefix "$work/to" >log 2>&1 ||
    complain "cmake --install: $(cat log)"
(cd to && find . -type f | sort) >is
cat >ought <<'TEXT'
./bin/selvage
./bin/selvage-board-flash
./bin/selvage-device
./bin/selvage-sim
./bin/selvaged
./share/man/man1/selvage-board-flash.1
./share/man/man1/selvage-device.1
./share/man/man1/selvage-sim.1
./share/man/man1/selvage.1
./share/man/man8/selvaged.8
TEXT
diff ought is >differ || complain "installed: $(cat differ)"
finish
