# shellcheck shell=bash
#
# What there is to know of functions before they are taken from the host: their drivers, how they are reset, what
# keeps VFIO from them, and who has open what they are to the host. One process (find) and its limit, and none where
# no function has a node that a program may have open. All of it runs in a child without locks, as looks.sh does.
#
# shellcheck disable=SC2154,SC2034 # The folders are assigned in requests.sh; functions assign what others use.

# How long the descriptors of all processes may take, and how many are told of.
descriptor_seconds=5
max_descriptors=2000

# The name that a link in sysfs leads to, as `linked`; "-" where there is none.
linked_of() { linked=-; cd -P "$1" 2>/dev/null && linked=${PWD##*/}; }

add_function() { [ -n "${is_considered[$1]}" ] || { is_considered[$1]=1; considered+=("$1"); }; }

# The functions that are named, or all: with the members of their groups, and, of those that a reset of their bus
# alone could reset, with what is on that bus. A name is anybody's text until it has the form of one.
# shellcheck disable=SC2086 # Names are words; `set -f` keeps them from being patterns.
details() {
  find_details "$1" "$2" ""
  printf "done %s\n" "$1"
}

# $3 stands before each kind of record, which tells them from those of another look that has this one as a part.
# shellcheck disable=SC2086 # Names are words; `set -f` keeps them from being patterns.
find_details() {
  local id=$1 mark=$3 name one at is_all= considered=()
  local -A is_considered groups modules known_nodes prefixes openers
  set -f
  set -- $2
  set +f
  cd "$sys/bus/pci/devices" 2>/dev/null || return 0
  [ "$#" -gt 0 ] || is_all=1
  [ "$#" -gt 0 ] || set -- *
  for name; do
    [[ $name =~ ^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]([.][0-7])?$ ]] || continue
    case $name in
      *.?) [ ! -e "$name" ] || add_function "$name" ;;
      *) for one in "$name".[0-7]; do add_function "$one"; done ;;
    esac
  done
  for ((at = 0; at < ${#considered[@]}; at++)); do
    name=${considered[at]}
    [ -n "$is_all" ] || for one in "$sys/bus/pci/devices/$name/iommu_group/devices"/*; do add_function "${one##*/}"; done
    show_details "$name"
  done
  show_interrupts
  show_device_nodes
  show_modules
  show_openers
  cd /
}

# What two bytes of its configuration space are: all ones of a card that does not answer. A virtual function has
# no others by its nature, and one that sleeps without power would be woken for a list.
find_answer() {
  local bytes=
  answers=-
  [ ! -e "$1/physfn" ] || return
  [ "$power" != D3cold ] || [ -z "$is_all" ] || return
  { IFS= read -r -N 2 bytes <"$1/config"; } 2>/dev/null
  case $bytes in $'\xff\xff') answers=no ;; ?*) answers=yes ;; esac
}

show_details() {
  local dir=$sys/bus/pci/devices/$1 class=- power=- enable=- methods='?' can_reset=0 answers driver module group unit bus=- line lines linked
  {
    IFS= read -r class <"$dir/class"
    IFS= read -r power <"$dir/power_state"
    IFS= read -r enable <"$dir/enable"
    if [ -e "$dir/reset_method" ]; then methods=; IFS= read -r methods <"$dir/reset_method"; fi
  } 2>/dev/null
  [ ! -e "$dir/reset" ] || can_reset=1
  find_answer "$dir"
  linked_of "$dir/driver"; driver=$linked
  linked_of "$dir/driver/module"; module=$linked
  linked_of "$dir/iommu_group"; group=$linked
  linked_of "$dir/iommu"; unit=$linked
  cd -P "$dir" 2>/dev/null && bus=${PWD%/*} bus=${bus##*/}
  record "$id" "${mark}fn $1 $class $driver $module $enable $power $answers $group $unit $bus $can_reset ${methods//,/ }"
  [ "$module" = - ] || modules[$module]=1
  case $driver in nvidia) find_minor "$1" ;; *vfio*) [ "$enable" = 0 ] || show_vfio_nodes "$1" "$dir" ;; esac
  # What only its bus could reset goes with what else is on that bus.
  case " $methods " in
    *" flr "* | *" af_flr "* | *" device_specific "* | *" acpi "* | *" pm "*) ;;
    *) [[ $bus != *:*:* ]] || for line in "$sys/bus/pci/devices/${1%:*}":*; do add_function "${line##*/}"; done ;;
  esac
  [ "$group" != - ] && [ -z "${groups[$group]}" ] || return
  groups[$group]=1 lines=()
  { mapfile -t -n 100 lines <"$dir/iommu_group/reserved_regions"; } 2>/dev/null
  for line in "${lines[@]}"; do case $line in *" direct") record "$id" "${mark}resv $group ${line% direct}" ;; esac; done
}

# The number in the name of a GPU's node.
find_minor() {
  local line lines=()
  prefixes["/dev/nvidia*"]=1
  { mapfile -t -n 50 lines <"$proc/driver/nvidia/gpus/$1/information"; } 2>/dev/null
  for line in "${lines[@]}"; do
    [[ $line =~ ^Device\ Minor:[[:blank:]]*([0-9]{1,5})$ ]] && record "$id" "${mark}node nvidia${BASH_REMATCH[1]} /$1"
  done
}

# A group's node stands for each function that is in use of it, and so does one of its own.
show_vfio_nodes() {
  local node
  prefixes["$vfio/*"]=1
  record "$id" "${mark}node vfio/$group /$1"
  for node in "$2"/vfio-dev/*; do record "$id" "${mark}node vfio/devices/${node##*/} /$1"; done
}

# Whether the host remaps interrupts: by the names of what gives them, of which the first lines show some.
show_interrupts() {
  local lines=() text state=- unsafe=-
  { mapfile -t -n 40 lines <"$proc/interrupts"; } 2>/dev/null
  text=${lines[*]}
  case $text in *" IR-"*) state=remapped ;; *IO-APIC* | *PCI-MSI*) state=plain ;; esac
  { IFS= read -r unsafe <"$sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"; } 2>/dev/null
  record "$id" "${mark}irq $state $unsafe"
}

# Whether a path in sysfs goes through one of these functions.
is_beneath() {
  local rest=$1
  [[ $rest != */devices/virtual/* ]] || return
  while [[ $rest =~ /([0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f][.][0-7])(/.*) ]]; do
    [ -z "${is_considered[${BASH_REMATCH[1]}]}" ] || return 0
    rest=${BASH_REMATCH[2]}
  done
  return 1
}

# What the functions are to the host that has a node in /dev. Of a class with many, those that are hardware.
show_device_nodes() {
  local dir line lines node path
  for dir in "$sys"/class/{sound,drm,block,nvme,infiniband_verbs}/* "$sys"/class/tty/*/device; do
    dir=${dir%/device}
    cd -P "$dir" 2>/dev/null || continue
    path=$PWD
    case $dir in */sound/card*) show_card "${dir##*/}" "$path" ;; esac
    is_beneath "$path" || continue
    lines=() node=
    { mapfile -t -n 50 lines <"$path/uevent"; } 2>/dev/null
    for line in "${lines[@]}"; do case $line in DEVNAME=*) node=${line#DEVNAME=} ;; esac; done
    [ -n "$node" ] || continue
    record "$id" "${mark}node ${node// /} $path"
    known_nodes[/dev/$node]=1
    case $node in
      snd/*) prefixes["/dev/snd/*"]=1 ;;
      [svh]d[a-z]*) prefixes["/dev/${node:0:2}*"]=1 ;;
      *) prefixes["/dev/${node%%[0-9]*}*"]=1 ;;
    esac
  done
}

# A sound card, whoever's it is: its driver's module counts the open files of all its cards together.
show_card() {
  local card=$1 file lines state owner line linked
  linked_of "$2/device/driver/module"
  record "$id" "${mark}card $card $linked $2"
  is_beneath "$2/" || return
  [ "$linked" = - ] || modules[$linked]=1
  for file in "$proc/asound/$card"/pcm*/sub*/status; do
    lines=() owner=-
    { mapfile -t -n 20 lines <"$file"; } 2>/dev/null
    case ${lines[0]} in closed | "") continue ;; esac
    for line in "${lines[@]}"; do [[ $line =~ ^owner_pid[[:blank:]]*:\ ([0-9]{1,10})$ ]] && owner=${BASH_REMATCH[1]}; done
    state=${lines[0]#state: } file=${file%/status} file=${file#"$proc/asound/$card/"}
    record "$id" "${mark}pcm $card $file $owner ${state:0:20}"
    [ "$owner" = - ] || openers[$owner]=1
  done
}

# How many hold a module, and how many of those are modules.
show_modules() {
  local module count holders
  for module in "${!modules[@]}"; do
    count=
    { IFS= read -r count <"$sys/module/$module/refcnt"; } 2>/dev/null
    holders=("$sys/module/$module/holders"/*)
    [ -z "$count" ] || record "$id" "${mark}mod $module $count ${#holders[@]}"
  done
}

# Which processes have such a node open, as far as this login may see it: root all, everybody else their own. The
# text of a link may be anybody's, line breaks included.
show_openers() {
  local prefix line lines=() pid node comm seen=own sought=() form="^$proc/([0-9]+)/fd/[0-9]+=(/[!-~]+)\$"
  [ "$EUID" -ne 0 ] || seen=all
  for prefix in "${!prefixes[@]}"; do sought+=(-o -lname "$prefix"); done
  if [ "${#sought[@]}" -gt 0 ]; then
    mapfile -t -d "" -n "$max_descriptors" lines < <(
      exec timeout -k 1 "$descriptor_seconds" find "$proc"/[0-9]*/fd -maxdepth 1 \( "${sought[@]:1}" \) -printf "%p=%l\0" 2>/dev/null
    )
    # 1: a process has ended meanwhile, or is hidden
    wait "$!"
    if [ $? -gt 1 ] || [ "${#lines[@]}" -ge "$max_descriptors" ]; then seen=some; fi
  fi
  for line in "${lines[@]}"; do
    [[ $line =~ $form ]] || continue
    pid=${BASH_REMATCH[1]} node=${BASH_REMATCH[2]}
    case $node in
      "$vfio"/* | /dev/snd/* | /dev/nvidia*) ;;
      *) [ -n "${known_nodes[$node]}" ] || continue ;;
    esac
    case $node in "$vfio"/*) node=vfio/${node#"$vfio/"} ;; *) node=${node#/dev/} ;; esac
    record "$id" "${mark}open $pid $node"
    openers[$pid]=1
  done
  for pid in "${!openers[@]}"; do
    comm=
    { IFS= read -r comm <"$proc/$pid/comm"; } 2>/dev/null
    record "$id" "${mark}proc $pid $comm"
  done
  record "$id" "${mark}seen $seen"
}
