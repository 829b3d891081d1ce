# shellcheck shell=bash
#
# What hangs below the host's PCI functions beside interfaces and disks, a record for each device. By globs, `cd`
# and `read` of bash alone, and no more devices than there is room for, of which the others are counted. Nothing is
# read for which the kernel takes a lock that a device which hangs may keep (as that of a USB device for its
# `product`), but for what a process of its own asks, which is not waited for.

# The first devices of a kind, in `found`. Of those that are left out nothing is known but their number, and so
# they may hang below any function.
find_beneath() {
  local kind=$1 most=512
  shift
  looked+=("$kind")
  [ "$most" -le "$room" ] || most=$room
  found=("${@:1:most}")
  room=$((room - ${#found[@]}))
  [ $# -le "$most" ] || record "$id" "more $kind $(($# - most))"
  [ $# -le "$most" ] || is_cut=1
}

# Whether a device hangs below a PCI function; `at` is its real path then, which is the current folder too.
enter_beneath() {
  cd -P "$1" 2>/dev/null || return
  at=$PWD
  [[ $at/ = */????*:??:??.[0-7]/* ]]
}

# A device: its kind and name, its traits with commas, its path, and what it calls itself.
tell_beneath() { record "$id" "sub $1 $2 ${3:--} $at ${4:0:200}"; }

# A line of a file in the current folder; empty where there is none.
line_of() {
  line=
  { IFS= read -r line <"$1"; } 2>/dev/null
}

# Where the kernel's consoles are. It tells that under the lock of them, which a display that hangs keeps.
ask_consoles() {
  local dir lines=() line
  exec </dev/null 2>/dev/null
  for dir in /sys/class/vtconsole/*; do
    line_of "$dir/bind"
    [ "$line" = 1 ] || continue
    line_of "$dir/name"
    printf "vt %s\n" "${line:0:80}"
  done
  mapfile -t lines </proc/consoles
  for line in "${lines[@]:0:64}"; do printf "console %s\n" "${line%% *}"; done
  printf "end\n"
}

# The serial ones in `consoles`; the others are told. The process that has asked becomes ip, which is asked the
# questions $1: `ip_answers` is the descriptor of its answers, and `ip_process` its number.
survey_consoles() {
  local answers answer
  consoles=" "
  exec {answers}< <(ask_consoles; exec ip -j -d -force -batch - <<<"$1" 2>/dev/null)
  ip_process=$!
  while IFS= read -r -t 2 -u "$answers" answer; do
    case $answer in
      end) break ;;
      "console "*) consoles+="${answer#console } " ;;
      *) record "$id" "$answer" ;;
    esac
  done
  if [ "$answer" = end ]; then
    ip_answers=$answers
  else
    exec {answers}<&-
    record "$id" "stuck consoles"
    is_cut=1
  fi
}

survey_displays() {
  local dir status traits
  find_beneath display /sys/class/drm/card[0-9]* /sys/class/graphics/fb[0-9]* /sys/bus/pci/devices/*/boot_vga
  for dir in "${found[@]}"; do
    case $dir in
      */boot_vga)
        line_of "$dir"
        [ "$line" = 1 ] && enter_beneath "${dir%/*}" && tell_beneath display VGA boot
        ;;
      */fb*)
        # told in any case: a console that is on none below a PCI function is on what the firmware began with
        cd -P "$dir" 2>/dev/null || continue
        at=$PWD
        line_of name
        tell_beneath display "${dir##*/}" - "$line"
        ;;
      *)
        enter_beneath "$dir" || continue
        traits=
        line_of status
        status=$line
        line_of enabled
        [ "$status" != connected ] || traits=connected
        [[ $line != enabled || $status = disconnected ]] || traits+=,lit
        tell_beneath display "${dir##*/}" "$traits"
        ;;
    esac
  done
}

survey_ttys() {
  local dir
  find_beneath tty /sys/class/tty/*/device
  for dir in "${found[@]}"; do
    dir=${dir%/device}
    enter_beneath "$dir" || continue
    if [[ $consoles = *" ${dir##*/} "* ]]; then tell_beneath tty "${dir##*/}" console
    else tell_beneath tty "${dir##*/}"
    fi
  done
}

# Kinds of which the name says it all, or a line of a file or the driver beside it.
survey_plain() {
  local kind=$1 file=$2 dir text
  shift 2
  find_beneath "$kind" "$@"
  for dir in "${found[@]}"; do
    enter_beneath "$dir" || continue
    text=
    if [ "$file" = driver ]; then cd -P driver 2>/dev/null && text=${PWD##*/}
    elif [ -n "$file" ]; then line_of "$file"; text=$line
    fi
    tell_beneath "$kind" "${dir##*/}" - "$text"
  done
}

# Hubs, and their ports' links, are no devices that anybody misses.
survey_usb() {
  local dir names=() traits classes text one class lines
  for dir in /sys/bus/usb/devices/[0-9]*-*; do [[ $dir = *:* ]] || names+=("$dir"); done
  find_beneath usb "${names[@]}"
  for dir in "${found[@]}"; do
    enter_beneath "$dir" || continue
    line_of bDeviceClass
    [ "$line" != 09 ] || continue
    traits=
    classes=(*:*/bInterfaceClass)
    for one in "${classes[@]:0:16}"; do
      line_of "$one"
      class=$line
      line_of "${one%Class}Protocol"
      case $class,$line in
        03,01) traits+=,keyboard ;;
        03,02) traits+=,mouse ;;
        08,*) traits+=,storage ;;
        02,* | e0,03) traits+=,network ;;
      esac
    done
    # what it calls itself is told by the kernel under the device's lock, and by udev without
    text= lines=()
    line_of dev
    { mapfile -t lines <"/run/udev/data/c$line"; } 2>/dev/null
    for one in "${lines[@]:0:200}"; do
      case $one in E:ID_MODEL_ENC=*) text="udev ${one#*=}" ;; esac
    done
    if [ -z "$text" ]; then
      line_of idVendor
      text=$line
      line_of idProduct
      text=${text:+$text:$line}
    fi
    tell_beneath usb "${dir##*/}" "$traits" "$text"
  done
}

# Those with keys, or that point: switches, as in the sockets of a sound card, and lids are left out.
survey_inputs() {
  local dir traits
  find_beneath input /sys/class/input/input[0-9]*
  for dir in "${found[@]}"; do
    enter_beneath "$dir" || continue
    line_of capabilities/ev
    [[ ${line##* } =~ ^[0-9a-f]{1,16}$ ]] || continue
    ((16#${line##* } & 14)) || continue
    traits=
    line_of capabilities/key
    [[ ${line##* } =~ ^[0-9a-f]{8,16}$ ]] && (((16#${line##* } & 0xfffffffe) == 0xfffffffe)) && traits+=,keyboard
    line_of capabilities/rel
    [[ ${line##* } =~ ^[0-9a-f]{1,16}$ ]] && (((16#${line##* } & 3) == 3)) && traits+=,mouse
    line_of name
    tell_beneath input "${dir##*/}" "$traits" "$line"
  done
}

# Devices beyond the host's own routers; what is before the dash is the domain, what is behind it the way there.
survey_thunderbolt() {
  local dir names=() text
  for dir in /sys/bus/thunderbolt/devices/[0-9]*-*; do
    [[ ${dir##*/} =~ ^[0-9]+-[0-9a-f]+$ && $dir != *-0 ]] && names+=("$dir")
  done
  find_beneath thunderbolt "${names[@]}"
  for dir in "${found[@]}"; do
    enter_beneath "$dir" || continue
    line_of vendor_name
    text=${line:0:80}
    line_of device_name
    tell_beneath thunderbolt "${dir##*/}" - "$text${text:+ }$line"
  done
}

# Processes that compute on GPUs of AMD's, with the numbers of these, and which functions the numbers are.
survey_compute() {
  local dir gpus lines one location domain kfd=/sys/class/kfd/kfd
  local processes=("$kfd"/proc/[0-9]*)
  looked+=(compute)
  [ "${#processes[@]}" -gt 0 ] || return 0
  for dir in "$kfd"/topology/nodes/*; do
    line_of "$dir/gpu_id"
    [ "${line:-0}" != 0 ] || continue
    location='' domain=0 lines=()
    { mapfile -t lines <"$dir/properties"; } 2>/dev/null
    for one in "${lines[@]}"; do
      case $one in "location_id "*) location=${one#* } ;; "domain "*) domain=${one#* } ;; esac
    done
    record "$id" "gpu $line $domain ${location:--}"
  done
  for dir in "${processes[@]:0:64}"; do
    gpus=("$dir"/vram_*)
    line_of "/proc/${dir##*/}/comm"
    record "$id" "kfd ${dir##*/} $line"
    for one in "${gpus[@]:0:64}"; do record "$id" "kfdgpu ${dir##*/} ${one##*/vram_}"; done
  done
}

# Functions that a program of the host's has for itself.
survey_user_drivers() {
  local driver dir
  looked+=(uio)
  for driver in uio_pci_generic igb_uio; do
    for dir in "/sys/bus/pci/drivers/$driver"/*:*:*.*; do
      enter_beneath "$dir" && record "$id" "uio $driver $at"
    done
  done
}

# $2: what ip is to be asked.
survey_beneath() {
  local id=$1 at='' line='' found=() looked=() room=2000 is_cut='' consoles names
  record "$id" "uid $EUID"
  [[ -d /sys/class && -d /sys/bus ]] || return 0
  survey_consoles "$2"
  # first those that are uses
  survey_displays
  survey_ttys
  survey_plain mdev "" /sys/bus/mdev/devices/*
  survey_plain vdpa driver /sys/bus/vdpa/devices/*
  survey_plain tpm "" /sys/class/tpm/tpm[0-9]*
  survey_plain watchdog identity /sys/class/watchdog/watchdog[0-9]*
  survey_plain ipmi "" /sys/class/ipmi/ipmi[0-9]*
  survey_thunderbolt
  survey_compute
  survey_user_drivers
  survey_plain rdma "" /sys/class/infiniband/*
  survey_plain sound id /sys/class/sound/card[0-9]*
  survey_usb
  survey_inputs
  cd /
  record "$id" "looked ${looked[*]}"
  [ -n "$is_cut" ] || return 0
  names=(/sys/bus/pci/devices/*)
  record "$id" "among ${names[*]##*/}"
}
