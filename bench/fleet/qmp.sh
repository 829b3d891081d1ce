#!/bin/bash
# What an operator has for a monitor: `qmp SOCKET JSON...` prints the answers, and fails if QEMU refuses a command.
coproc socat - "UNIX-CONNECT:$1"
trap 'kill "$COPROC_PID" 2>/dev/null' EXIT
shift
read -r _ <&"${COPROC[0]}" || exit 1
printf '%s\n' '{"execute":"qmp_capabilities"}' "$@" >&"${COPROC[1]}"
read -r _ <&"${COPROC[0]}" || exit 1
left=$#
while [ "$left" -gt 0 ] && read -r line <&"${COPROC[0]}"; do
  case $line in
    '{"return"'*) printf '%s\n' "$line"; left=$((left - 1)) ;;
    '{"error"'*) printf '%s\n' "$line" >&2; exit 1 ;;
  esac
done
exit "$left"
