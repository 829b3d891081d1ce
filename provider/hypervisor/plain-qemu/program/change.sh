# shellcheck shell=bash
#
# Functions to vfio-pci and back.
#
# - All functions go through a step before any goes through the next, as in libvirt's own code
#   (virHostdevPreparePCIDevicesImpl). driver_override makes vfio-pci take this function and no other of its
#   kind.
# - A function whose group some process has open is not unbound: the kernel would wait for that process
#   without end. On 5.10 a function back on a host driver while its group is open is a kernel BUG.

bind() {
  local wait=$1 address todo=() dir
  shift
  for address; do check_address "$address"; done
  enter -x
  [ -d "$pci/drivers/vfio-pci" ] || modprobe vfio-pci
  [ -d "$pci/drivers/vfio-pci" ] || die "this host's kernel has no driver vfio-pci"
  for address; do
    [ -d "$pci/devices/$address" ] || die "$address is not there"
    driver_of "$address"
    is_vfio "$driver" || todo+=("$address")
  done
  for address in "${todo[@]}"; do
    put vfio-pci "$pci/devices/$address/driver_override" || die "$address: its driver_override cannot be written"
  done
  for address in "${todo[@]}"; do
    dir=$pci/devices/$address/driver
    [ ! -e "$dir" ] || put "$address" "$dir/unbind" || die "$address cannot be taken from its driver"
  done
  for address in "${todo[@]}"; do
    await_driver none "$address" && put "$address" "$pci/drivers_probe"
  done
  for address in "${todo[@]}"; do
    await_driver vfio "$address" || die "$address was not taken by vfio-pci${driver:+, it is on $driver}"
  done
  [ "$wait" != settle ] || udevadm settle --timeout=5
}

release() {
  local pair address want group tries path leaving=() back=() groups=
  declare -A wants opened
  for pair; do
    address=${pair%%=*} want=${pair#*=}
    check_address "$address"
    [[ $want =~ ^([A-Za-z0-9_.-]+|[?])$ ]] || die "not a driver"
  done
  enter -x
  for pair; do
    address=${pair%%=*} want=${pair#*=}
    [ -d "$pci/devices/$address" ] || continue
    is_vfio "$want" && continue
    wants[$address]=$want
    back+=("$address")
    driver_of "$address"
    ! is_vfio "$driver" || leaving+=("$address")
  done
  # QEMU closes a group some 150 ms after its last function has left its object tree
  for ((tries = 0; tries < 20 && ${#leaving[@]} > 0; tries++)); do
    [ "$tries" = 0 ] || pause 0.2
    opened=() inode=
    find_processes
    for pair in "${users[@]}"; do
      path=${pair#* }
      [ -n "${opened[${path%% *}]}" ] || opened[${path%% *}]="${pair%% *} ${path#* }"
    done
    groups=
    for address in "${leaving[@]}"; do
      group_of "$address"
      for path in "$group" "noiommu-$group" "$pci/devices/$address/vfio-dev"/*; do
        case $path in */vfio-dev/*) path=devices/${path##*/} ;; esac
        [ -z "${opened[$path]}" ] || groups="$address ${opened[$path]}"
      done
    done
    [ -n "$groups" ] || break
  done
  if [ -n "$groups" ]; then say "busy $groups"; return; fi
  for address in "${leaving[@]}"; do
    put "$address" "$pci/devices/$address/driver/unbind" || die "$address cannot be taken from vfio-pci"
  done
  for address in "${back[@]}"; do put "" "$pci/devices/$address/driver_override"; done
  for address in "${leaving[@]}"; do await_driver none "$address"; done
  for address in "${back[@]}"; do
    want=${wants[$address]}
    driver_of "$address"
    if [ "$want" = - ] || [ -n "$driver" ]; then continue; fi
    { [ "$want" != "?" ] && [ -d "$pci/drivers/$want" ] && put "$address" "$pci/drivers/$want/bind"; } ||
      put "$address" "$pci/drivers_probe"
  done
  for address in "${back[@]}"; do
    want=${wants[$address]}
    [ "$want" = - ] || await_driver "$want" "$address"
  done
}
