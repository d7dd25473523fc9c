# shellcheck shell=bash disable=SC2034
# Shared by the scripts of this folder, which source it. Sets: root (the project's folder), venv.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
# Debian keeps nginx and ldconfig where an ordinary user's PATH doesn't look.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
# Without bytecode each program that a run or a test starts, hundreds in all, compiles the suite anew.
unset PYTHONDONTWRITEBYTECODE

# The exit code for "the machine's fault", as in netpol-conformance itself.
readonly machine_fault=3

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# heading TEXT: the title of a stage, on standard output among the stage's own lines.
heading() { printf '\n== %s\n' "$*"; }

# usage: prints the comment that opens the calling script, which is its help.
usage() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"; }

# wants_help ARG...: whether one of the arguments asks for help.
wants_help() {
  local argument
  for argument in "$@"; do
    case $argument in -h | --help) return 0 ;; esac
  done
  return 1
}
