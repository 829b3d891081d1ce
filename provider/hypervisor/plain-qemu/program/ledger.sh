# shellcheck shell=bash disable=SC2154 # What host-program.sh and the helper assign.
#
# The ledger: a file for each guest, and beside them an index, so that a look reads those files alone that it is
# asked for. In `index/` a function's address and a monitor's path each name a file with the UUIDs of the guests
# in whose files they stand. It may name more than there is, and never less: a name goes in before the file is
# written, and none is taken out. Releases up to 0.1 write files without it. They leave the folder younger than
# `index/seen`, and then all files are read.
#
# A monitor's path in a file is as somebody has written it. Where it really leads is told with the file, or is
# found by a process with a limit: this process follows no name of somebody else's.

index=$ledger/index

# The name of a path in the index: a path has no colon.
index_name() { key=${1//\//:}; }

# A file as one line, with or without a line break at its end, and whatever of them an editor has put within.
read_whole() {
  local lines IFS=" "
  mapfile -t lines <"$1" || return
  json=${lines[*]}
} 2>/dev/null

is_indexed() { [ -e "$index/seen" ] && ! [ "$ledger" -nt "$index/seen" ]; }

# The UUIDs under a name of the index.
find_guests() {
  local lines=() line
  [ -e "$index/$1" ] || return
  mapfile -t lines <"$index/$1"
  for line in "${lines[@]}"; do wanted_guests[$line]=1; done
} 2>/dev/null

# The path of the monitor in a file's text, as `theirs`.
find_monitor_path() {
  local form='"socket" *: *"(/[^"\\]+)"'
  theirs=
  [[ $1 =~ $form ]] && theirs=${BASH_REMATCH[1]}
}

# Whether the socket that a ledger file names is the one that is looked at, also by another way through the
# folders.
leads_here() {
  find_monitor_path "$1" || return
  [ "$theirs" = "$socket" ] || [ "$theirs" -ef "$socket" ] && return
  [ "${theirs##*/}" = "${socket##*/}" ] && [ "${theirs%/*}/" -ef "${socket%/*}/" ]
}

# One file, and into the look what it names if it is of the guest that is looked at.
show_ledger() {
  local json theirs rest uuid=$1 file=$ledger/guest-$1.json
  [ -z "${shown_guests[$uuid]}" ] || return 0
  shown_guests[$uuid]=1
  [ -e "$file" ] || [ -L "$file" ] || return 0
  read_whole "$file" || die "cannot read $file"
  say "ledger guest-$uuid.json $json"
  if leads_here "$json"; then
    [ "$theirs" = "$socket" ] || say "same guest-$uuid.json"
  else
    [ -n "${asked_guests[$uuid]}" ] || return 0
  fi
  rest=$json
  while [[ $rest =~ \"address\"\ *:\ *\"([0-9a-f:.]+)\"(.*) ]]; do
    add "${BASH_REMATCH[1]}"
    rest=${BASH_REMATCH[2]}
  done
}

# The files of the guests that are asked for, and of the socket.
show_ledgers() {
  local name key file
  declare -gA wanted_guests=() shown_guests=() asked_guests=()
  for name; do ! is_uuid "$name" || asked_guests[$name]=1 wanted_guests[$name]=1; done
  if [ -d "$ledger" ] && ! is_indexed; then
    for file in "$ledger"/guest-*.json; do file=${file##*/guest-} wanted_guests[${file%.json}]=1; done
  fi
  for name in "$socket" "$real_socket"; do
    index_name "$name"
    [ -z "$name" ] || find_guests "$key"
  done
  for name in "${!wanted_guests[@]}"; do show_ledger "$name"; done
}

# The files of other guests in which the functions that are looked at stand.
show_ledgers_of_functions() {
  local name
  for name in "${names_seen[@]}"; do find_guests "$name"; done
  for name in "${!wanted_guests[@]}"; do show_ledger "$name"; done
}

read_ledger() {
  local json file=$ledger/guest-$1.json
  is_uuid "$1" || die "not a UUID"
  [ -e "$file" ] || [ -L "$file" ] || return
  read_whole "$file" || die "cannot read $file"
  say "ledger guest-$1.json $json"
}

make_ledger() {
  # the first time both by a process
  [ -d "$ledger" ] || mkdir -m 700 -- "$ledger" "$index" || return
  [ -O "$ledger" ] && [ ! -L "$ledger" ] || return
  [ -d "$index" ] || mkdir -m 700 -- "$index" || return
  [ -p "$index/never" ] || mkfifo -m 600 -- "$index/never"
} 2>/dev/null

# Puts a guest under all names that stand in its file, and under where its monitor's path really leads.
index_guest() {
  local uuid=$1 rest=$2 theirs path keys=() key lines
  find_monitor_path "$2"
  for path in "$theirs" "$3"; do
    index_name "$path"
    [ -z "$path" ] || keys+=("$key")
  done
  while [[ $rest =~ \"address\"\ *:\ *\"([0-9a-f:.]+)\"(.*) ]]; do
    keys+=("${BASH_REMATCH[1]}")
    rest=${BASH_REMATCH[2]}
  done
  for key in "${keys[@]}"; do
    lines=()
    { mapfile -t lines <"$index/$key"; } 2>/dev/null
    [[ " ${lines[*]} " = *" $uuid "* ]] || printf "%s\n" "$uuid" >>"$index/$key" || return
  done
} 2>/dev/null

index_all() {
  local file json theirs
  for file in "$ledger"/guest-*.json; do
    read_whole "$file" || continue
    file=${file##*/guest-}
    ! find_monitor_path "$json" || theirs=$(exec timeout -k 1 1 readlink -f -- "$theirs")
    index_guest "${file%.json}" "$json" "$theirs" || return
  done
}

# In this process, and not in a child: nothing here waits for anybody, and the ledger is in memory. What stands
# in a file before it is replaced is whole, and what replaces it is.
write() {
  local locks=$1 uuid=$2 path=${3#-} json=${4# } file=$ledger/guest-$2.json why=
  if session_is_gone; then finish; fi
  if ! has_locks "$locks"; then why="the locks $locks are not held"
  elif ! is_uuid "$uuid"; then why="not a UUID"
  elif [ "$3" != - ] && ! is_path "$3"; then why="not a path"
  elif may_write "$uuid" "$path" "$json"; then
    if ! make_ledger; then why="$ledger cannot be made, or belongs to somebody else"
    elif ! is_indexed && ! index_all; then why="cannot write to $index"
    elif ! replace; then why="cannot write $file"
    fi
  fi
  if [ -n "$why" ]; then tell "fail $id $why"; else tell "done $id"; fi
}

replace() {
  if [ -z "$json" ]; then
    rm -f -- "$file" || return
  else
    index_guest "$uuid" "$json" "$path" || return
    umask 077
    # shellcheck disable=SC2015 # Either may fail.
    printf "%s\n" "$json" >"$file.new" && mv -fT -- "$file.new" "$file" || { umask 022; return 1; }
    umask 022
  fi
  : >"$index/seen"
} 2>/dev/null
