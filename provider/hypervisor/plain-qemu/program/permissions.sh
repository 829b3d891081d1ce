# shellcheck shell=bash disable=SC2154 # What host-program.sh and the helper assign.
#
# What an account with sudo may do: a list that root alone can write. A root login has no list, and needs none.
# The lines of the list:
#
#     socket PATH      a monitor; the last part may have one `*`
#     device NAME      a function, or a slot with all its functions
#     look ACCOUNT     may look: previews, refreshes, inspections
#     change ACCOUNT   may look and change
#
# A line that cannot be read makes the whole list count as missing: what it was to forbid is not known.

account=
may_look=
may_change=
listed_sockets=()
declare -A listed_devices
why_nothing=

# shellcheck disable=SC2206 # Words of a line, without patterns.
read_permissions() {
  local lines line words path parts=(/) number=0 found
  [ -n "$permissions" ] || { may_look=1 may_change=1; return; }
  account=$SUDO_USER
  # sudo keeps from its own environment what the login has got
  { mapfile -d "" -t lines <"$proc/$PPID/environ"; } 2>/dev/null
  for line in "${lines[@]}"; do case $line in SSH_CONNECTION=*) SSH_CONNECTION=${line#*=} ;; esac; done
  path=${permissions%/*}
  while [ -n "$path" ]; do parts+=("$path"); path=${path%/*}; done
  found=$(exec find "${parts[@]}" "$permissions" -maxdepth 0 -uid 0 ! -perm /022 \( -type d -printf d -o -type f -printf f \) 2>/dev/null)
  if [ "${found//d/}" != f ] || [ "${#found}" -ne $((${#parts[@]} + 1)) ]; then
    why_nothing="there is no list $permissions which is root's alone"
    return
  fi
  mapfile -t lines <"$permissions"
  set -f
  for line in "${lines[@]}"; do
    number=$((number + 1))
    line=${line%%#*}
    words=($line)
    [ "${#words[@]}" -gt 0 ] || continue
    case ${#words[@]}${words[0]} in
      2socket) is_listable_socket "${words[1]}" && listed_sockets+=("${words[1]}") && continue ;;
      2device) { is_address "${words[1]}" || is_slot "${words[1]}"; } && listed_devices[${words[1]}]=1 && continue ;;
      2look | 2change)
        if [[ ${words[1]} =~ ^[A-Za-z_][A-Za-z0-9_.@\\-]*\$?$ ]]; then
          [ "${words[1]}" != "$account" ] || [ -z "$account" ] || may_look=1
          [ "${words[0]}${words[1]}" != "change$account" ] || [ -z "$account" ] || may_change=1
          continue
        fi
        ;;
    esac
    why_nothing="line $number of $permissions cannot be read"
    break
  done
  set +f
  if [ -n "$why_nothing" ]; then may_look='' may_change=''
  elif [ -z "$may_look" ]; then why_nothing="$permissions has no line for the account ${account:--}"
  fi
}

is_listable_socket() {
  local name=${1##*/}
  is_path "${1%/*}/${name/\*/x}" && [ -n "$name" ]
}

# Whether the account may ask this at all; else `why` tells. What a request names is looked at in its child.
may_ask() {
  why=
  case $verb in beat | quit | unlock | leave | speak) return 0 ;; esac
  [ -n "$may_look" ] || { why="rules $why_nothing"; return 1; }
  case $verb in
    lock | write | bind | release)
      [ -n "$may_change" ] || { why="rules $permissions has no line \"change $account\""; return 1; }
      ;;
  esac
}

# The two names of /run are as good as each other.
# shellcheck disable=SC2053 # The listed name is a pattern; it has no brackets and no question marks.
is_listed_socket() {
  local line path=${1/#\/var\/run\///run/}
  for line in "${listed_sockets[@]}"; do
    line=${line/#\/var\/run\///run/}
    [ "${line%/*}" = "${path%/*}" ] && [[ ${path##*/} = ${line##*/} ]] && return
  done
  return 1
}

# For a child: the monitor has to be listed, and each folder on the way to it, also by links, root's alone. Then
# nobody else can put another socket in its place, and where it really is stands in `socket`.
require_socket() {
  local path=$1 parts=() found
  [ -n "$permissions" ] || return 0
  is_listed_socket "$path" || die "rules $permissions has no line \"socket $path\""
  socket=$(exec readlink -f -- "$path")
  is_path "$socket" || die "rules $path leads nowhere"
  for path in "$path" "$socket"; do
    while path=${path%/*} && [ -n "$path" ]; do parts+=("$path"); done
  done
  found=$(exec find / "${parts[@]}" -maxdepth 0 ! \( -uid 0 \( -type l -o ! -perm /022 \) \) -printf "%p " 2>&1)
  [ -z "$found" ] || die "rules ${found%% *} is not root's alone"
}

is_listed() { [ -z "$permissions" ] || [ -n "${listed_devices[$1]}" ] || [ -n "${listed_devices[${1%.*}]}" ]; }

# For a child.
require_listed() {
  local address absent=
  for address; do is_listed "$address" || absent+=" $address"; done
  [ -z "$absent" ] || die "rules $permissions has no line \"device\" for$absent"
}

# Whether an account may replace a guest's file; else `why` tells. In the process that has the locks: nothing here
# waits for anybody.
may_write() {
  local uuid=$1 path=$2 json=$3 rest=$3 theirs file=$ledger/guest-$1.json escapes='\\([^"\bfnrtu]|u00[2-7])'
  [ -n "$permissions" ] || return 0
  # of a text without other escapes each address stands there as it is read
  if [[ $json =~ $escapes ]]; then why="the text has escapes that no release writes"; return 1; fi
  while [[ $rest =~ ([0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f][.][0-7])(.*) ]]; do
    is_listed "${BASH_REMATCH[1]}" || { why="rules $permissions has no line \"device\" for ${BASH_REMATCH[1]}"; return 1; }
    rest=${BASH_REMATCH[2]}
  done
  hear_monitors
  if [ -n "${open_guests[$uuid]}" ]; then
    find_monitor_path "$json"
    for path in "$path" "$theirs"; do
      [ -z "$path" ] || [[ " ${open_guests[$uuid]} " = *" $path "* ]] || { why="rules the guest's monitor is not $path"; return 1; }
    done
    return
  fi
  if [ ! -f "$file" ]; then
    why="rules no guest with that UUID answers at a monitor that this connection has open"
    return 1
  fi
  loses_only "$uuid" "$json"
}

# Of a guest that is off: nobody answers at the monitor that its file names, and the new text has entries of the
# old one alone.
loses_only() {
  local json theirs socket real_socket inodes similar entries before after around line file=$ledger/guest-$1.json
  declare -A old
  read_whole "$file" || { why="cannot read $file"; return 1; }
  find_monitor_path "$json" || { why="$file has no form that is known"; return 1; }
  socket=$theirs
  is_listed_socket "$socket" || { why="rules $permissions has no line \"socket $socket\""; return 1; }
  # this process follows no name of somebody else's: one that is alike is as good as the guest's own
  real_socket=$socket
  find_listeners
  if [ "${#inodes[@]}" -gt 0 ] || [ "${#similar[@]}" -gt 0 ]; then why="rules another connection has the guest"; return 1; fi
  [ -n "$2" ] || return 0
  part_entries "$json"
  around=$before$nl$after
  for line in "${entries[@]}"; do old[$line]=1; done
  part_entries "$2"
  why="rules of a guest that is off entries may only be taken away"
  [ "$before$nl$after" = "$around" ] || return
  for line in "${entries[@]}"; do [ -n "${old[$line]}" ] || return; done
  why=
}

# The texts of a file's entries, and what stands before and after them.
part_entries() {
  local rest=$1 depth=0 text= form='^([^]["{}]*)("([^"\\]|\\.)*"|[]["{}])(.*)$' token
  entries=() after=
  before=${rest%%\"entries\":\[*}
  [ "$before" != "$rest" ] || { after=$rest; return; }
  rest=${rest#*\"entries\":\[}
  while [[ $rest =~ $form ]]; do
    token=${BASH_REMATCH[2]}
    rest=${BASH_REMATCH[4]}
    if [ "$depth" = 0 ] && [ "$token" = "]" ]; then after=$rest; return; fi
    [ "$depth" = 0 ] || text+=${BASH_REMATCH[1]}
    text+=$token
    case $token in
      "{" | "[") depth=$((depth + 1)) ;;
      "}" | "]") depth=$((depth - 1)) ;;
    esac
    if [ "$depth" = 0 ]; then entries+=("$text") text=; fi
  done
}

# Whether a function may go to this driver, and have this driver_override: with sudo to that which the ledger has
# noted of it, to none, or to whichever the kernel chooses. Else `why` tells.
may_give_back() {
  local file json rest entry form="\"address\":\"$1\"" driver="\"hostDriver\":\"$2\"" override="\"driverOverride\":\"$3\""
  case $2 in - | "?") driver= ;; esac
  [ -n "$3" ] || override=
  [ -n "$permissions" ] && [ -n "$driver$override" ] || return 0
  for file in "$ledger"/guest-*.json; do
    read_whole "$file" || continue
    rest=$json
    while [[ $rest = *"$form"* ]]; do
      rest=${rest#*"$form"}
      entry=${rest%%\}*}
      [[ $entry = *"$driver"* && $entry = *"$override"* ]] && return 0
    done
  done
  why="rules the ledger does not tell that $1 was on $2${3:+, or that its driver_override was $3}"
  return 1
}

# For the child that has found who listens: one socket, and nobody of the account's own.
# shellcheck disable=SC2206 # Words of a line.
require_monitor() {
  local pid line lines words
  [ -n "$permissions" ] || return 0
  [ "${#inodes[@]}" -eq 1 ] || die "rules more than one socket is said to listen at $1"
  for pid in "${monitor_holders[@]}"; do
    lines=()
    { mapfile -t lines <"$proc/$pid/status"; } 2>/dev/null
    for line in "${lines[@]}"; do
      words=($line)
      case $line in
        Uid:*) [[ " ${words[*]:1} " != *" $SUDO_UID "* || $SUDO_UID = 0 ]] || die "rules a process of $account's own has the monitor $1 open" ;;
      esac
    done
  done
}

# A command of the account's, taken apart; `command` becomes what goes to QEMU, or `why` tells what is refused, and
# `number` of which command. Texts have no quotes and no escapes, so that there is one way to read them.
filter_command() {
  local name rest form='^\{"execute":"([a-z_-]+)"(,"arguments":\{(.*)\})?,"id":"([0-9]{1,9})"\}$' key value keys=
  local pair='^"([a-z_-]+)":("([]-~ !#-[]*)"|true|false|[0-9]{1,9})(,(.*))?$'
  declare -A values
  [[ $1 =~ \"id\":\"([0-9]{1,9})\"\}$ ]] && number=${BASH_REMATCH[1]}
  if ! [[ $1 =~ $form ]]; then why="a command in a form that this program does not take"; return 1; fi
  name=${BASH_REMATCH[1]} rest=${BASH_REMATCH[3]}
  while [ -n "$rest" ]; do
    if ! [[ $rest =~ $pair ]]; then why="$name with arguments in a form that this program does not take"; return 1; fi
    key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]} rest=${BASH_REMATCH[5]}
    if [ -n "${values[$key]}" ]; then why="$name with the argument $key twice"; return 1; fi
    values[$key]=$value keys+=",\"$key\":$value"
  done
  may_command || { why="$name${why:+ $why} is not allowed to $account"; return 1; }
  command="{\"execute\":\"$name\",\"arguments\":{${keys#,}},\"id\":\"$number\"}"
}

may_command() {
  local path='^"/machine(/[]A-Za-z0-9._@+=,:#[-]+)*"$' property='^"[A-Za-z0-9._-]+"$'
  why=
  case $name in
    query-*) return 0 ;;
    qom-list) takes "path" && [[ ${values[path]} =~ $path && ${values[path]} != *..* ]] ;;
    qom-get)
      takes "path property" && [[ ${values[path]} =~ $path && ${values[path]} != *..* && ${values[property]} =~ $property ]]
      ;;
    human-monitor-command) takes "command-line" && [[ ${values[command-line]} =~ ^\"xp\ /[0-9]{1,4}wx\ 0x[0-9a-f]{1,16}\"$ ]] ;;
    device_add) [ -n "$may_change" ] && may_add ;;
    device_del) [ -n "$may_change" ] && takes "id" && is_own_id "${values[id]}" ;;
    *) return 1 ;;
  esac
}

# Whether a command has no argument beside these.
takes() {
  local key
  for key in "${!values[@]}"; do [[ " $1 " = *" $key "* ]] || { why="with $key"; return 1; }; done
}

is_own_id() { [[ $1 =~ ^\"(ua-)?mfpci-[0-9a-f]{12}-[0-9a-z-]{1,40}\"$ ]]; }

may_add() {
  local host=${values[host]//\"/} rom=${values[romfile]//\"/}
  takes "driver id host bus addr multifunction rombar romfile" || return
  [ "${values[driver]}" = '"vfio-pci"' ] || { why="of ${values[driver]:-no driver}"; return 1; }
  is_own_id "${values[id]}" && is_address "$host" || return
  is_listed "$host" || { why="of $host, for which $permissions has no line \"device\","; return 1; }
  [[ ${values[bus]} =~ ^\"[A-Za-z0-9._-]{1,64}\"$ && ${values[addr]} =~ ^\"0x[0-9a-f]{1,2}[.][0-7]\"$ ]] || return
  [ -z "$rom" ] || is_open_rom "$rom" || { why="with the ROM file $rom, which is a link, not root's alone or not for everybody to read,"; return 1; }
}

# A guest reads what its ROM file is: no more than the account may read itself. QEMU may be root's. It opens the
# file later, by the same name: a link on the way could lead elsewhere by then.
is_open_rom() {
  local path=$1 parts=() found
  is_path "$path" && [ "$(exec readlink -f -- "$path")" = "$path" ] || return
  found=$(exec find "$path" -maxdepth 0 -type f -perm -004 -uid 0 ! -perm /022 -printf f 2>/dev/null)
  while path=${path%/*} && [ -n "$path" ]; do parts+=("$path"); done
  [ "$found" = f ] && [ -z "$(exec find / "${parts[@]}" -maxdepth 0 ! \( -uid 0 -perm -001 ! -perm /022 \) 2>&1)" ]
}
