# shellcheck shell=bash
#
# The connection's sshd process, and its locks. They rest on these facts (decisions 0004 and 0070):
#
# - A flock belongs to the open file, and a read-only descriptor of a folder is enough for it.
# - What mkdir has made is this user's own. In a folder with the sticky bit only root can take it away
#   besides, or put something in its place.
# - A parent named sshd or sshd-session serves exactly this connection. It runs as this user, who may end it.

# shellcheck disable=SC2086 # A process is a number.
stat_of() { { IFS= read -r stat </proc/$1/stat; } 2>/dev/null; }

# The sshd process that serves this connection: the nearest ancestor of that name. Its start time tells it
# from a later process with the same number. Where /proc hides it (hidepid), it is the parent.
# shellcheck disable=SC2086 # The fields of its state are words.
find_session() {
  local pid=$PPID stat name
  while [ "$pid" -gt 1 ]; do
    if ! stat_of "$pid"; then
      kill -0 "$pid" 2>/dev/null && session=$pid
      return
    fi
    name=${stat#*(} name=${name%)*}
    set -- ${stat##*) }
    case $name in
      sshd | sshd-session | dropbear) session=$pid started=${20}; return ;;
    esac
    pid=$2
  done
}

# shellcheck disable=SC2086 # The fields of its state are words.
session_is_gone() {
  local stat
  if stat_of "$session"; then
    set -- ${stat##*) }
    [ "$1" = Z ] || [ "$1" = X ] || [ "${20}" != "$started" ]
  else
    ! kill -0 "$session" 2>/dev/null
  fi
}

path_of() { path=$lock_dir/multifunction-pci.$1.lock; }

# Not waited for: what it has opened may keep it from ending, and it has no locks.
stop_waiter() {
  local pid=${waiters[$1]}
  [ -n "$pid" ] || return 0
  unset "waiters[$1]"
  kill -- "-$pid" 2>/dev/null
}

close_fd() { local fd=${fds[$1]}; unset "fds[$1]"; exec {fd}<&-; }

# Whether an open folder still has this name, and not by way of a link.
stands_at() {
  cd -P "/proc/self/fd/$1" 2>/dev/null || return
  [ "$PWD" = "$2" ]
  set -- $?
  cd /
  return "$1"
}

is_own() { [ -O "/proc/self/fd/$1" ] && stands_at "$1" "$2"; }

# Whether a change has not ended: its process has the folder of its first lock open until then.
is_changing() {
  path_of "${changes[$1]%%,*}"
  [ "/proc/$1/fd/${change_fds[$1]}" -ef "$path" ]
}

# Whether a change that was begun under this lock has not ended.
is_under_way() {
  local pid path found=1
  for pid in "${!changes[@]}"; do
    if ! is_changing "$pid"; then unset "changes[$pid]" "change_fds[$pid]"
    elif [[ ",${changes[$pid]}," = *",$1,"* ]]; then found=0
    fi
  done
  return "$found"
}

# Lets go of locks, removing each folder while it is still held, so that nothing stays behind and whoever
# waits on the removed folder notices. A lock under which a change is still under way passes on only when that
# has ended: its process has the folder open itself, and whoever waits finds it free then, and clears it away.
let_go() {
  local name path paths=()
  for name; do
    stop_waiter "$name"
    [ -n "${fds[$name]}" ] || continue
    path_of "$name"
    ! is_under_way "$name" && is_own "${fds[$name]}" "$path" && paths+=("$path")
  done
  [ "${#paths[@]}" -eq 0 ] || rmdir -- "${paths[@]}" 2>/dev/null
  for name; do
    [ -z "${fds[$name]}" ] || close_fd "$name"
  done
}

# The end, whatever the cause. Whoever held a lock must not be able to act once it is let go of: the sshd
# process with all channels of this connection goes first, and until it is gone nothing is let go.
finish() {
  local name signal=TERM tries=0
  trap "" TERM HUP INT
  if [ "${#fds[@]}" -gt 0 ]; then
    until session_is_gone; do
      kill -s "$signal" "$session" 2>/dev/null
      tries=$((tries + 1))
      [ "$tries" -lt 5 ] || signal=KILL
      sleep 0.1
    done
  fi
  let_go "${!fds[@]}" "${!waiters[@]}"
  exit 0
}

# For a child, which must not keep a lock that this process lets go of, nor a monitor.
leave_locks() {
  local fd
  exec </dev/null
  for fd in "${fds[@]}"; do exec {fd}<&-; done
  leave_monitors
}

leave_monitors() {
  local fd
  for fd in "${monitors[@]}"; do exec {fd}>&-; done
}

# Takes away what nobody holds: the own lock of a helper that was killed. Only what nobody else can replace in
# this moment is removed, for it might be replaced by a lock that is held; root makes it its own before.
clear_away() {
  if [ ! -d "/proc/self/fd/$1" ]; then
    [ -f "/proc/self/fd/$1" ] && rm -f -- "$2" 2>/dev/null
    return
  fi
  stands_at "$1" "$2" || return
  [ -O "/proc/self/fd/$1" ] || [ "$EUID" -ne 0 ] || chown 0:0 "/proc/self/fd/$1" 2>/dev/null
  is_own "$1" "$2" && rmdir -- "$2" 2>/dev/null
}

# Carried out in a child without locks; some at a time, so that a client's requests are not as many processes.
answer() {
  local pid
  if [ "${#answering[@]}" -ge "$most_answers" ]; then
    for pid in "${!answering[@]}"; do kill -0 "$pid" 2>/dev/null || unset "answering[$pid]"; done
  fi
  if [ "${#answering[@]}" -ge "$most_answers" ]; then
    tell "fail $id more than $most_answers requests at a time"
    return
  fi
  (
    leave_locks
    exec 2>/dev/null
    "$@"
  ) &
  answering[$!]=1
}

# Answers of this process itself: the sign at the beginning tells them from what a tool complains of.
tell() { local line; for line; do printf "= %s\n" "$line" >&2; done; }

# Waits in a child until what stands in a lock's place is free, and then sees that the place is, too. Earlier
# releases have plain files there.
wait_for() {
  local id=$1 name=$2 path fd
  tell "busy $id $name"
  path_of "$name"
  set -m
  (
    leave_locks
    exec 2>/dev/null
    if [ -L "$path" ] || [ -p "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ] && [ ! -f "$path" ]; }; then
      printf "fail %s %s is no folder: no operation has it, and somebody has put it there; remove it\n" "$id" "$path"
      exit
    fi
    if ! { exec {fd}<"$path"; } 2>/dev/null; then
      if [ -e "$path" ]; then printf "fail %s cannot open %s for reading\n" "$id" "$path"
      else printf "stale %s %s\n" "$id" "$name"
      fi
      exit
    fi
    # Whoever has just made it locks it in the next moment.
    flock -n "$fd" && flock -u "$fd" && sleep 0.3
    if ! flock "$fd"; then
      printf "fail %s flock does not work on %s\n" "$id" "$path"
    elif [ ! "/proc/self/fd/$fd" -ef "$path" ] || clear_away "$fd" "$path"; then
      printf "stale %s %s\n" "$id" "$name"
    else
      printf "fail %s %s is in the way: no operation has it, and it belongs to another user or is not empty; remove it\n" "$id" "$path"
    fi
  ) &
  # shellcheck disable=SC2004 # The array is associative, so its index is no arithmetic.
  waiters[$name]=$!
  disown "$!"
  set +m
}

# Whether a lock's place is taken. A pattern is compared with the names in the folder: nothing is followed,
# wherever a link may lead.
is_taken() {
  local found=("${1%k}"[k])
  [ "${#found[@]}" -gt 0 ]
}

# Takes locks whose places were free, their folders made by one process. If it has not made them all, those it
# has made are read from what it prints (GNU and busybox: created directory: 'PATH').
# shellcheck disable=SC2004 # The array is associative, so its index is no arithmetic.
take_free() {
  local name path fd paths=() is_made_all=
  for name; do path_of "$name"; paths+=("$path"); done
  printed=$(exec mkdir -v -- "${paths[@]}" 2>&1) && is_made_all=1
  for name; do
    path_of "$name"
    [ -n "$is_made_all" ] || [[ $printed = *"created directory"*([!$nl])"'$path'"* ]] || continue
    { exec {fd}<"$path/"; } 2>/dev/null || continue
    flock -n "$fd" </dev/null 2>/dev/null
    case $? in
      0) is_own "$fd" "$path" && fds[$name]=$fd && continue ;;
      1) ;;
      *) rmdir -- "$path" 2>/dev/null; broken=$path ;;
    esac
    # Somebody has taken it for one that was left, in the moment before it was locked.
    exec {fd}<&-
  done
}

take() {
  local id=$1 name path tries printed broken missing free behind said
  shift
  for name; do stop_waiter "$name"; done
  for ((tries = 0; ; tries++)); do
    free=() said=() missing= behind=() printed= broken=
    for name; do
      [ -z "${fds[$name]}" ] || continue
      path_of "$name"
      ! is_taken "$path" || break
      free+=("$name")
    done
    [ "${#free[@]}" -eq 0 ] || take_free "${free[@]}"
    for name; do
      if [ -n "$missing" ]; then [[ " ${free[*]} " != *" $name "* ]] || behind+=("$name")
      elif [ -n "${fds[$name]}" ]; then said+=("got $id $name")
      else missing=$name
      fi
    done
    # In order: what stands behind one that is missing is not held.
    let_go "${behind[@]}"
    if [ -z "$missing" ]; then
      tell "${said[@]}"
      return
    fi
    path_of "$missing"
    if [ -n "$broken" ]; then
      tell "${said[@]}" "fail $id flock does not work on $broken"
      return
    fi
    # The folder of all locks need not be readable.
    if is_taken "$path" || [[ $printed = *"'$path': File exists"* ]]; then
      tell "${said[@]}"
      wait_for "$id" "$missing"
      return
    fi
    if [ "$tries" -ge 20 ]; then
      [[ $printed =~ [^$nl]*"'$path'"[^$nl]* ]] && printed=${BASH_REMATCH[0]}
      [[ $printed != *"created directory"* ]] || printed="it does not stay"
      # shellcheck disable=SC2295 # A line break is no pattern.
      tell "${said[@]}" "fail $id cannot create $path: ${printed%%$nl*}"
      return
    fi
  done
}
