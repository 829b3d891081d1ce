import { HOST_HELPER_LOOKS } from "./host-helper-looks";

/** Seconds without a line from the client after which it counts as gone. */
export const SILENCE_LIMIT_SECONDS = 10;

/** What a shell ends with that was never meant to run the program; see below. */
export const WRONG_SHELL_EXIT_CODE = 93;

/** Follows "ready", so that nothing a login script prints is taken for it. */
export const READY_WORD = "multifunction-pci-host-helper";

/**
 * The helper: one bash process per connection that holds its locks on the host, and looks up what the
 * host itself needs. Sent on stdin; then it reads one request per line:
 *
 *     beat                       the client is alive
 *     lock ID NAME...            take these in order  → got ID NAME, or busy ID NAME and later stale
 *     unlock ID NAME...          let go of these      → freed ID
 *     survey ID                  → s ID CHUNK (goes on) and S ID CHUNK (ends a record)..., done ID
 *     devices ID                 → the same, of every PCI function and its names
 *     quit
 *
 * and `fail ID TEXT` where something cannot be done. Every line of an answer is one short write, so that those of one
 * child do not land in the middle of another's.
 *
 * Facts it rests on (docs/internals/decisions/0004-host-locks-and-fencing.md, 0070-locks-are-folders.md): a flock belongs to the
 * open file, and a read-only descriptor of a folder is enough for it; what mkdir has made is this user's own, and in a
 * folder with the sticky bit nobody else but root can take it away or put something in its place; a parent named sshd
 * or sshd-session serves exactly this connection, runs as this user and may be ended by this user.
 *
 * This process has the locks, so it makes no call that another user of the host, or a client that has stopped, can keep
 * from returning: whatever it has not made itself is opened, and followed, by children, which have no locks and are not
 * waited for; and they write every answer.
 *
 * The first line is for a shell that has got this text as its input, because a login script has started it in place of
 * what was asked for: every usual shell understands it, and ends.
 */
const SOURCE = `
test "$multifunction_pci_program" = loaded || exit ${WRONG_SHELL_EXIT_CODE}
set +o posix
unset -v BASH_COMPAT EXECIGNORE FUNCNEST TMOUT
export LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/run/current-system/sw/bin:/run/current-system/profile/bin
umask 022
shopt -s nullglob
nl=$'\\n'
trap "" PIPE
declare -A fds waiters
session= started=

stat_of() { { IFS= read -r stat </proc/$1/stat; } 2>/dev/null; }

# The sshd process that serves this connection: the nearest ancestor of that name. Its start time tells it
# from a later process with the same number. Where /proc hides it (hidepid), it is the parent.
find_session() {
  local pid=$PPID stat name
  while [ "$pid" -gt 1 ]; do
    if ! stat_of "$pid"; then
      kill -0 "$pid" 2>/dev/null && session=$pid
      return
    fi
    name=\${stat#*(} name=\${name%)*}
    set -- \${stat##*) }
    case $name in
      sshd | sshd-session | dropbear) session=$pid started=\${20}; return ;;
    esac
    pid=$2
  done
}

session_is_gone() {
  local stat
  if stat_of "$session"; then
    set -- \${stat##*) }
    [ "$1" = Z ] || [ "$1" = X ] || [ "\${20}" != "$started" ]
  else
    ! kill -0 "$session" 2>/dev/null
  fi
}

path_of() { path=$lock_dir/multifunction-pci.$1.lock; }

# Not waited for: what it has opened may keep it from ending, and it has no locks.
stop_waiter() {
  local pid=\${waiters[$1]}
  [ -n "$pid" ] || return 0
  unset "waiters[$1]"
  kill -- "-$pid" 2>/dev/null
}

close_fd() { local fd=\${fds[$1]}; unset "fds[$1]"; exec {fd}<&-; }

# Whether an open folder still has this name, and not by way of a link.
stands_at() {
  cd -P "/proc/self/fd/$1" 2>/dev/null || return
  [ "$PWD" = "$2" ]
  set -- $?
  cd /
  return "$1"
}

is_own() { [ -O "/proc/self/fd/$1" ] && stands_at "$1" "$2"; }

# Lets go of locks, removing each folder while it is still held, so that nothing stays behind and whoever
# waits on the removed folder notices.
let_go() {
  local name path paths=()
  for name; do
    stop_waiter "$name"
    [ -n "\${fds[$name]}" ] || continue
    path_of "$name"
    is_own "\${fds[$name]}" "$path" && paths+=("$path")
  done
  [ "\${#paths[@]}" -eq 0 ] || rmdir -- "\${paths[@]}" 2>/dev/null
  for name; do
    [ -z "\${fds[$name]}" ] || close_fd "$name"
  done
}

# The end, whatever the cause. Whoever held a lock must not be able to act once it is let go of: the sshd
# process with all channels of this connection goes first, and until it is gone nothing is let go.
finish() {
  local name signal=TERM tries=0
  trap "" TERM HUP INT
  if [ "\${#fds[@]}" -gt 0 ]; then
    until session_is_gone; do
      kill -s "$signal" "$session" 2>/dev/null
      tries=$((tries + 1))
      [ "$tries" -lt 5 ] || signal=KILL
      sleep 0.1
    done
  fi
  let_go "\${!fds[@]}" "\${!waiters[@]}"
  exit 0
}

# For a child, which must not keep a lock that this process lets go of.
leave_locks() {
  local name fd
  exec </dev/null
  for name in "\${!fds[@]}"; do fd=\${fds[$name]}; exec {fd}<&-; done
}

# Takes away what nobody holds: the own lock of a helper that was killed. Only what nobody else can replace in this
# moment is removed, for it might be replaced by a lock that is held; root makes it its own before.
clear_away() {
  if [ ! -d "/proc/self/fd/$1" ]; then
    [ -f "/proc/self/fd/$1" ] && rm -f -- "$2" 2>/dev/null
    return
  fi
  stands_at "$1" "$2" || return
  [ -O "/proc/self/fd/$1" ] || [ "$EUID" -ne 0 ] || chown 0:0 "/proc/self/fd/$1" 2>/dev/null
  is_own "$1" "$2" && rmdir -- "$2" 2>/dev/null
}

# Carried out in a child: a client that stands still, and reads nothing any more, holds it up for ever.
answer() {
  (
    leave_locks
    "$@"
  ) &
}

say() { local line; for line; do printf "%s\\n" "$line"; done; }

# Waits in a child until what stands in a lock's place is free, and then sees that the place is, too. Earlier releases
# have plain files there. What else is to be said goes before.
wait_for() {
  local id=$1 name=$2 path fd
  shift 2
  path_of "$name"
  set -m
  (
    leave_locks
    say "$@" "busy $id $name"
    if [ -L "$path" ] || [ -p "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ] && [ ! -f "$path" ]; }; then
      printf "fail %s %s is no folder: no operation has it, and somebody has put it there; remove it\\n" "$id" "$path"
      exit
    fi
    if ! { exec {fd}<"$path"; } 2>/dev/null; then
      if [ -e "$path" ]; then printf "fail %s cannot open %s for reading\\n" "$id" "$path"
      else printf "stale %s %s\\n" "$id" "$name"
      fi
      exit
    fi
    # Whoever has just made it locks it in the next moment.
    flock -n "$fd" && flock -u "$fd" && sleep 0.3
    if ! flock "$fd"; then
      printf "fail %s flock does not work on %s\\n" "$id" "$path"
    elif [ ! "/proc/self/fd/$fd" -ef "$path" ] || clear_away "$fd" "$path"; then
      printf "stale %s %s\\n" "$id" "$name"
    else
      printf "fail %s %s is in the way: no operation has it, and it belongs to another user or is not empty; remove it\\n" "$id" "$path"
    fi
  ) &
  waiters[$name]=$!
  disown "$!"
  set +m
}

# Whether a lock's place is taken. A pattern is compared with the names in the folder: nothing is followed, wherever a link
# may lead.
is_taken() {
  local found=("\${1%k}"[k])
  [ "\${#found[@]}" -gt 0 ]
}

# Takes locks whose places were free, their folders made by one process. Which it has made is read from what it prints
# if it has not made them all (GNU and busybox: created directory: 'PATH').
take_free() {
  local name path fd paths=() is_made_all=
  for name; do path_of "$name"; paths+=("$path"); done
  printed=$(exec mkdir -v -- "\${paths[@]}" 2>&1) && is_made_all=1
  for name; do
    path_of "$name"
    [ -n "$is_made_all" ] || [[ $printed = *"created directory"*([!$nl])"'$path'"* ]] || continue
    { exec {fd}<"$path/"; } 2>/dev/null || continue
    flock -n "$fd" </dev/null
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
      [ -z "\${fds[$name]}" ] || continue
      path_of "$name"
      ! is_taken "$path" || break
      free+=("$name")
    done
    [ "\${#free[@]}" -eq 0 ] || take_free "\${free[@]}"
    for name; do
      if [ -n "$missing" ]; then [[ " \${free[*]} " != *" $name "* ]] || behind+=("$name")
      elif [ -n "\${fds[$name]}" ]; then said+=("got $id $name")
      else missing=$name
      fi
    done
    # In order: what stands behind one that is missing is not held.
    let_go "\${behind[@]}"
    if [ -z "$missing" ]; then
      answer say "\${said[@]}"
      return
    fi
    path_of "$missing"
    if [ -n "$broken" ]; then
      answer say "\${said[@]}" "fail $id flock does not work on $broken"
      return
    fi
    # The folder of all locks need not be readable.
    if is_taken "$path" || [[ $printed = *"'$path': File exists"* ]]; then
      wait_for "$id" "$missing" "\${said[@]}"
      return
    fi
    if [ "$tries" -ge 20 ]; then
      [[ $printed =~ [^$nl]*"'$path'"[^$nl]* ]] && printed=\${BASH_REMATCH[0]}
      [[ $printed != *"created directory"* ]] || printed="it does not stay"
      answer say "\${said[@]}" "fail $id cannot create $path: \${printed%%$nl*}"
      return
    fi
  done
}

${HOST_HELPER_LOOKS}
# The last second by itself: on a host that stood still, the time is over before sshd has passed on what
# came in meanwhile.
next_request() {
  IFS=" " read -r -t ${SILENCE_LIMIT_SECONDS - 1} verb id names && return
  [ $? -gt 128 ] && IFS=" " read -r -t 1 verb id names
}

if [ -z "$BASH_VERSION" ] || [[ $- != *p* ]]; then
  printf "\\nfail start bash was started without its option -p, so that functions and options of the login would reach it\\n"
  exit 0
fi
lock_dir=/tmp
[ -k /run/lock ] && lock_dir=/run/lock
cd -P "$lock_dir" && lock_dir=$PWD
cd /
find_session
if [ -z "$session" ]; then
  printf "\\nfail start cannot find the sshd process that serves this connection\\n"
  exit 0
fi
if ! command -v flock >/dev/null; then
  printf "\\nfail start missing flock\\n"
  exit 0
fi
trap finish TERM HUP INT
printf "\\nready ${READY_WORD} %s %s\\n" "$session" "$lock_dir"
while next_request; do
  case $verb in
    lock) take "$id" $names ;;
    unlock) let_go $names; answer say "freed $id" ;;
    survey) answer survey "$id" ;;
    devices) answer list_devices "$id" ;;
    quit) break ;;
  esac
done
finish
`;

/** The program as it is sent: without its comments and indentation. ASCII. */
export const HOST_HELPER_PROGRAM = SOURCE.replace(/^[ ]*(#.*)?\n?/gm, "");

/**
 * What starts it. Single quotes are literal to sh, bash, ksh, zsh and fish alike, whichever the login shell
 * is. The length is given because bash reads up to a delimiter byte by byte, but a length in large pieces. With -p bash
 * takes nothing of the environment for its own: no functions, options (SHELLOPTS, BASHOPTS) or files (BASH_ENV).
 */
export const HOST_HELPER_COMMAND =
  `exec bash --norc --noprofile -p -c ` +
  `'IFS= read -r -N ${HOST_HELPER_PROGRAM.length} program && multifunction_pci_program=loaded && eval "$program"'`;
