# shellcheck shell=bash disable=SC2034,SC2154
# Running the checks one after the other; sourced by script/lint and script/test.

stage_names=()
stage_results=()
stage_seconds=()
failed=0

# stage NAME COMMAND...: runs a check under a title and notes how it went; always goes on.
stage() {
  local name=$1 started=$SECONDS code=0
  shift
  heading "$name: ${*//"$root/"/}"
  "$@" || code=$?
  stage_names+=("$name")
  stage_seconds+=($((SECONDS - started)))
  case $code in
    0) stage_results+=("ok") ;;
    *)
      stage_results+=("FAILED (exit $code)")
      failed=1
      ;;
  esac
}

# skip NAME REASON: notes a check that wasn't run, and why.
skip() {
  stage_names+=("$1")
  stage_results+=("skipped: $2")
  stage_seconds+=(0)
}

# summarise: a line for each check.
summarise() {
  local index
  heading summary
  for index in "${!stage_names[@]}"; do
    printf '%-12s %5d s  %s\n' \
      "${stage_names[index]}" "${stage_seconds[index]}" "${stage_results[index]}"
  done
}

# static_checks: everything that reads the code and the corpus without running either.
static_checks() {
  local bin=$venv/bin scripts
  stage lint "$bin/ruff" check --quiet
  stage format "$bin/ruff" format --check --quiet
  stage types "$bin/mypy"
  stage imports "$bin/lint-imports" --no-logo
  mapfile -t scripts < <(grep -lx '#!/usr/bin/env bash' script/* .ci/run)
  stage shell shellcheck script/*.sh "${scripts[@]}"
  stage corpus "$bin/netpol-conformance" lint
  stage reports "$bin/netpol-conformance" reports check
}
