#!/bin/sh
# Every script must parse and start with a description.
set -eu
cd "$(dirname "$0")/.."
for script in *.sh tests/*.sh; do
  sh -n "$script"
  sed -n 2p "$script" | grep -q '^# ' || { echo "$script: say in its second line what it does"; exit 1; }
  echo "fine: $script"
done
