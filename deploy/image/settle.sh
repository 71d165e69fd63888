#!/usr/bin/env bash
# Gives all that lies in /image the same time and the plain modes, whenever and under whatever umask it came there: a
# layer is then the same layer until its content is another, and neither a registry nor a node has to move it again.
# What is to be executed is named.
set -euo pipefail

find /image -type d -exec chmod 755 {} +
find /image -type f -exec chmod 644 {} +
[ $# -eq 0 ] || chmod 755 "$@"
find /image -exec touch --no-dereference --date=@0 {} +
