#!/bin/bash
# What an operator has for one command to a monitor: `qmp SOCKET JSON` prints the answer, and fails if QEMU refuses.
coproc socat - "UNIX-CONNECT:$1"
trap 'kill "$COPROC_PID" 2>/dev/null' EXIT
read -r _ <&"${COPROC[0]}" || exit 1
printf '%s\n' '{"execute":"qmp_capabilities"}' "$2" >&"${COPROC[1]}"
read -r _ <&"${COPROC[0]}" || exit 1
while read -r line <&"${COPROC[0]}"; do
  case $line in
    '{"return"'*) printf '%s\n' "$line"; exit 0 ;;
    '{"error"'*) printf '%s\n' "$line" >&2; exit 1 ;;
  esac
done
exit 1
