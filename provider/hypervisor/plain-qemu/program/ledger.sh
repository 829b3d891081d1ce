# shellcheck shell=bash
#
# The file of one guest in the ledger.

write() {
  local file=$ledger/guest-$1.json
  check_uuid "$1"
  enter -x
  if [ -z "$2" ]; then
    rm -f -- "$file" || die "cannot remove $file"
  else
    # shellcheck disable=SC2015 # Either may fail.
    printf "%s\n" "$2" >"$file.new" && mv -fT -- "$file.new" "$file" || die "cannot write $file"
  fi
}

read_ledger() {
  local json file=$ledger/guest-$1.json
  check_uuid "$1"
  enter -s
  [ -e "$file" ] || [ -L "$file" ] || return
  read_whole "$file"
  say "ledger guest-$1.json $json"
}
