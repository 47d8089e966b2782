#!/bin/sh
# Counts down from $1 (default 3) and lifts off.
set -eu
n=${1:-3}
while [ "$n" -gt 0 ]; do
  echo "$n"
  n=$((n - 1))
done
echo "liftoff"
