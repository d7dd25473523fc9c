# shellcheck shell=bash disable=SC2034,SC2154
# Running things on kind clusters; sourced, after lib.sh, by script/test and script/plugin.
#
# NETPOL_KIND_EXEC    a command that runs another one where Docker and kind are, if that isn't here
# NETPOL_IMAGE_BASE   the base of the suite's own image, if not the usual one

read -ra kind_exec <<<"${NETPOL_KIND_EXEC:-env}"

# kind_lack: why there can be no kind cluster; nothing if there can.
kind_lack() {
  local program
  for program in docker kind kubectl; do
    "${kind_exec[@]}" sh -c "command -v $program" >/dev/null ||
      { echo "$program isn't installed" && return; }
  done
  "${kind_exec[@]}" docker info >/dev/null 2>&1 || echo "no Docker engine answers"
}

# make_image: makes the suite's own image. The wheels are fetched here, where the network is; what
# follows needs none.
make_image() {
  local base=${NETPOL_IMAGE_BASE:-}
  "$venv/bin/netpol-conformance" images wheels &&
    "${kind_exec[@]}" "$venv/bin/netpol-conformance" images build ${base:+--base "$base"}
}
