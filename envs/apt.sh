#!/usr/bin/env bash
# Install Debian packages where a program is missing and this user may: envs/apt.sh PROGRAM "PACKAGES" "what is done without"
set -euo pipefail
program=$1 packages=$2 without=$3
command -v "$program" > /dev/null && exit
root=$([ "$(id -u)" = 0 ] || echo sudo -n)
if command -v apt-get > /dev/null && $root true 2> /dev/null; then
    echo "Installing $packages ..."
    $root apt-get update -qq
    # shellcheck disable=SC2086  (several packages)
    $root apt-get install -y -qq --no-install-recommends -o DPkg::Options::=--force-confdef $packages > /dev/null
else
    echo "$without To have it: sudo apt-get install $packages"
fi
