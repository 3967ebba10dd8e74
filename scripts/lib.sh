# What the scripts share. Sourced, with the repository as working directory.
set -euo pipefail

ROOT=$(pwd)
CACHE=$ROOT/.cache
STARTED=$(date +%s)
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1  # the presets share what they compile alike
export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$CACHE/pip}
. scripts/versions

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
took() { printf '%dm %02ds' $((($(date +%s) - STARTED) / 60)) $((($(date +%s) - STARTED) % 60)); }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root (no sudo here): $*"
  fi
}

missing_packages() {
  local package
  for package in $APT_BUILD $APT_RUN $APT_TEST; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || echo "$package"
  done
}

require_debian() {
  local id='' version=''
  [ -r /etc/os-release ] && { id=$(. /etc/os-release; echo "${ID:-}"); version=$(. /etc/os-release; echo "${VERSION_ID:-}"); }
  [ "$id" = debian ] && [ "$version" = 12 ] && return
  cat >&2 <<TXT
This script installs packages of Debian 12; this is ${id:-an unknown system} ${version}.
What is needed, by the names it has there:
$(printf '%s\n' $APT_BUILD $APT_RUN $APT_TEST | sort | sed 's/^/  /')
  Go $GO_VERSION, for livekit-server $LIVEKIT_SERVER_VERSION and versitygw $VERSITYGW_VERSION
  the Python wheels in scripts/requirements.txt
Once they are there: VC_SKIP_PACKAGES=1 $0
TXT
  exit 1
}

# The builds take the core and the schema from here.
build() {  # build PRESET
  local preset=$1
  say "building $preset"
  cmake --preset "$preset" >"$CACHE/configure-$preset.log" 2>&1 || { cat "$CACHE/configure-$preset.log" >&2; die "configuring failed"; }
  cmake --build --preset "$preset" >"$CACHE/build-$preset.log" 2>&1 || { tail -n 60 "$CACHE/build-$preset.log" >&2; die "building failed ($CACHE/build-$preset.log)"; }
  say "built build/$preset$([ "$preset" = fuzz ] || echo /voicectl) ($(took))"
}

# Release binaries that are measured by many callers at once: what bench agents, burst, greetings and soak need.
build_for_load() {
  ./scripts/setup
  build release
  cmake --build --preset release --target callers >"$CACHE/build-callers.log" 2>&1 || { tail -n 40 "$CACHE/build-callers.log" >&2; die "building the callers failed"; }
  export VOICECTL=$ROOT/build/release/voicectl VOICECTL_CALLERS=$ROOT/build/release/tests/load/callers
  export VOICECTL_LIVEKIT_SERVER=$CACHE/bin/livekit-server VOICECTL_LIVEKIT_CORE=$CACHE/livekit/liblivekit_ffi.so PYTHONDONTWRITEBYTECODE=1
}
