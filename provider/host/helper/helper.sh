# shellcheck shell=bash
#
# The helper: one bash process per connection that holds its locks on the host, and looks up what the host
# needs. It is sent on standard input, and then reads one request per line:
#
#     beat                       the client is alive
#     lock ID NAME...            take these in order  -> got ID NAME, or busy ID NAME and later stale
#     unlock ID NAME...          let go of these      -> freed ID
#     survey ID                  -> s ID CHUNK (goes on) and S ID CHUNK (ends a record)..., done ID
#     devices ID                 -> the same, of every PCI function and its names
#     nodes ID                   -> the same, of who has VFIO's nodes open and what confines QEMU
#     details ID [NAME...]       -> the same, of these functions and slots or of all, before they are taken
#     tree ID                    -> the same, of what a report may carry of the host
#     places ID KEY...           -> the same, of where in sysfs the devices with these keys are
#     quit
#
# and `fail ID TEXT` if something cannot be done. What a host without libvirt is asked besides is in
# requests.sh of the host program, which is this program and that.
#
# This process has the locks, so it makes no call that another user of the host can keep from returning, or a
# client that has stopped. Whatever it has not made itself is opened, and followed, by children. They have no
# locks, nobody waits for them, and they answer on standard output: with short writes, a line each, so that
# those of one child do not land in the middle of another's. A client that stands still, and reads nothing any
# more, holds a child up for ever. The answers of this process itself go to standard error, which no child
# writes to: they are short, and there are no more of them than requests, so that its pipe has always room.

# helper-program.ts fills these in. The word follows "ready", so that nothing a login script prints is taken
# for that.
ready_word=
# Seconds without a line from the client, to which the last second is added below.
silence_seconds=
# What else follows "ready": of the host program its versions.
versions=
# How many children answer at a time.
most_answers=
# The longest list of all routes that is read: some six thousand.
max_route_bytes=

set +o posix
unset -v BASH_COMPAT EXECIGNORE FUNCNEST TMOUT
export LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/run/current-system/sw/bin:/run/current-system/profile/bin
umask 022
shopt -s nullglob
nl=$'\n'
trap "" PIPE
# Open folders of the locks, by name; processes that wait for one; those that answer; by process of a change the
# names of its locks, and the descriptor of the first; descriptors of the monitors that are open.
declare -A fds waiters answering changes change_fds monitors
# shellcheck disable=SC1007 # Both are empty at first.
session= started=

. locks.sh
. looks.sh
. beneath.sh
. details.sh
. places.sh
. tree.sh
. requests.sh

# The last second by itself: on a host that stood still, the time is over before sshd has passed on what
# came in meanwhile.
next_request() {
  IFS=" " read -r -t "$silence_seconds" verb id names && return
  [ $? -gt 128 ] && IFS=" " read -r -t 1 verb id names
}

if [ -z "$BASH_VERSION" ] || [[ $- != *p* ]]; then
  printf "\nfail start bash was started without its option -p, so that functions and options of the login would reach it\n"
  exit 0
fi
lock_dir=/tmp
[ -k /run/lock ] && lock_dir=/run/lock
cd -P "$lock_dir" && lock_dir=$PWD
cd /
find_session
if [ -z "$session" ]; then
  printf "\nfail start cannot find the sshd process that serves this connection\n"
  exit 0
fi
if ! command -v flock >/dev/null; then
  printf "\nfail start missing flock\n"
  exit 0
fi
trap finish TERM HUP INT
printf "\nready %s %s %s %s\n" "$ready_word" "$session" "$lock_dir" "$versions"
printf "\n" >&2
# shellcheck disable=SC2086 # Names of locks are words.
while next_request; do
  if ! may_ask; then
    tell "fail $id $why"
    continue
  fi
  case $verb in
    beat) watch_changes ;;
    lock) take "$id" $names ;;
    unlock) let_go $names; tell "freed $id" ;;
    survey) answer survey "$id" ;;
    devices) answer list_devices "$id" ;;
    nodes) answer look_at_nodes "$id" ;;
    details) answer details "$id" "$names" ;;
    tree) answer read_tree "$id" ;;
    places) answer find_places "$id" "$names" ;;
    quit) break ;;
    *) own_request ;;
  esac
done
finish
