# shellcheck shell=bash disable=SC2154 # What host-program.sh and the helper assign.
#
# Functions to vfio-pci and back, each request in a child that has the locks.
#
# - All functions go through a step before any goes through the next, as in libvirt's own code
#   (virHostdevPreparePCIDevicesImpl). driver_override makes vfio-pci take this function and no other of its
#   kind; what stood there before, an administrator's own (driverctl), is written back exactly.
# - A function whose group some process has open is not unbound: the kernel would wait for that process
#   without end. On 5.10 a function back on a host driver while its group is open is a kernel BUG.

bind() {
  local wait=$1 address todo=() dir
  declare -A overrides
  shift
  for address; do check_address "$address"; done
  require_listed "$@"
  [ -d "$pci/drivers/vfio-pci" ] || modprobe vfio-pci
  [ -d "$pci/drivers/vfio-pci" ] || die "this host's kernel has no driver vfio-pci"
  for address; do
    [ -d "$pci/devices/$address" ] || die "$address is not there"
    driver_of "$address"
    is_vfio "$driver" || todo+=("$address")
  done
  take_functions || { give_up_overrides; die "$why"; }
  [ "$wait" != settle ] || udevadm settle --timeout=5
}

# The functions in `todo`; else `why` tells which is not taken.
take_functions() {
  for address in "${todo[@]}"; do
    override_of "$address"
    overrides[$address]=$override
    why="$address: its driver_override cannot be written"
    put vfio-pci "$pci/devices/$address/driver_override" || return
  done
  for address in "${todo[@]}"; do
    dir=$pci/devices/$address/driver
    driver_of "$address"
    why="$address cannot be taken from its driver"
    [ ! -e "$dir" ] || { at "unbind $address $driver"; put "$address" "$dir/unbind"; } || return
  done
  for address in "${todo[@]}"; do
    at "probe $address vfio-pci"
    await_driver none "$address" && put "$address" "$pci/drivers_probe"
  done
  for address in "${todo[@]}"; do
    await_driver vfio "$address" && continue
    why="$address was not taken by vfio-pci${driver:+, it is on $driver}"
    return 1
  done
}

# Of what vfio-pci does not have. What it has goes back with the functions.
give_up_overrides() {
  for address in "${!overrides[@]}"; do
    driver_of "$address"
    is_vfio "$driver" || put "${overrides[$address]}" "$pci/devices/$address/driver_override"
  done
}

release() {
  local word address want leaving=() back=() driver_name='^([A-Za-z0-9_.-]+|[?])$' override_name='^[A-Za-z0-9_.-]*$' why
  declare -A wants overrides
  for word; do
    IFS="=" read -r address want override <<<"$word"
    check_address "$address"
    require_listed "$address"
    [[ $want =~ $driver_name && $override =~ $override_name ]] || die "not a driver"
    may_give_back "$address" "$want" "$override" || die "$why"
    [ -d "$pci/devices/$address" ] || continue
    is_vfio "$want" && continue
    wants[$address]=$want
    overrides[$address]=$override
    back+=("$address")
    driver_of "$address"
    ! is_vfio "$driver" || leaving+=("$address")
  done
  await_closed "${leaving[@]}" || return
  for address in "${leaving[@]}"; do
    at "unbind $address vfio-pci"
    put "$address" "$pci/devices/$address/driver/unbind" || die "$address cannot be taken from vfio-pci"
  done
  for address in "${back[@]}"; do put "${overrides[$address]}" "$pci/devices/$address/driver_override"; done
  for address in "${leaving[@]}"; do await_driver none "$address"; done
  for address in "${back[@]}"; do give_back "$address" "${wants[$address]}"; done
  for address in "${back[@]}"; do
    want=${wants[$address]}
    [ "$want" = - ] || await_driver "$want" "$address"
  done
  for address in "${back[@]}"; do show "$address"; done
}

give_back() {
  driver_of "$1"
  if [ "$2" = - ] || [ -n "$driver" ]; then return; fi
  at "bind $1 $2"
  { [ "$2" != "?" ] && [ -d "$pci/drivers/$2" ] && put "$1" "$pci/drivers/$2/bind"; } || put "$1" "$pci/drivers_probe"
}

# QEMU closes a group some 150 ms after its last function has left its object tree.
await_closed() {
  local address tries pair path busy inodes=()
  declare -A opened
  for ((tries = 0; tries < 20 && $# > 0; tries++)); do
    [ "$tries" = 0 ] || pause 0.2
    opened=() busy=
    find_processes
    for pair in "${users[@]}"; do
      path=${pair#* }
      [ -n "${opened[${path%% *}]}" ] || opened[${path%% *}]="${pair%% *} ${path#* }"
    done
    for address; do
      group_of "$address"
      for path in "$group" "noiommu-$group" "$pci/devices/$address/vfio-dev"/*; do
        case $path in */vfio-dev/*) path=devices/${path##*/} ;; esac
        [ -z "${opened[$path]}" ] || busy="$address ${opened[$path]}"
      done
    done
    [ -n "$busy" ] || return 0
  done
  [ -z "$busy" ] || say "busy $busy"
  [ -z "$busy" ]
}

# A line to the host's log, in place of this process when it has nothing more to do: who asked, for whom, what.
note_change() {
  local client=${SSH_CONNECTION%% *}
  command -v logger >/dev/null || return
  exec >/dev/null
  exec logger -t multifunction-pci-host -p daemon.notice -- \
    "$* for $owner, asked by ${account:-root}${client:+ from $client}, program version $program_version"
}
