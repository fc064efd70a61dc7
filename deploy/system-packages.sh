#!/bin/sh
# Installs what pip cannot: ffmpeg and Python's venv module, from the system's packages. Does nothing where both are there.
set -eu

python=${PYTHON:-python3}
packages=
command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || packages=ffmpeg
"$python" -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3-venv"
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  sudo=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  sudo=sudo
else
  echo "cliptrace needs: $packages. Without root, ask for: apt-get install $packages" >&2
  exit 1
fi
command -v apt-get >/dev/null || { echo "cliptrace needs: $packages. Install them with this system's package manager." >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
$sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null
