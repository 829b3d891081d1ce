# shellcheck shell=bash
#
# What a report may carry of a host: the parts of sysfs that the looks read, and where disks are mounted. The client
# takes from it what tells whose host it is. All of it runs in children without locks.
#
# shellcheck disable=SC2154 # The folders are assigned in requests.sh.

tree_classes=(net block input sound drm graphics vtconsole tty tpm infiniband mdev_bus vdpa watchdog ipmi iommu)
tree_files=(
  vendor device class numa_node sriov_numvfs secondary_bus_number boot_vga enable enabled status reset_method
  power_state resource driver_override dev partition size busnum devnum idVendor idProduct bDeviceClass
  bInterfaceClass bInterfaceSubClass bInterfaceProtocol
)

# The lines of a file, as one record: what it is, its path, and the first lines, with tabs between.
tree_text() {
  local path=$1 line text
  local lines=()
  { mapfile -t -n 17 lines <"$path"; } 2>/dev/null
  [ "${#lines[@]}" -gt 0 ] || return 0
  text="file	$path"
  for line in "${lines[@]}"; do
    line=${line//[[:cntrl:]]/ }
    text+="	${line:0:300}"
  done
  record "$id" "$text"
}

# Two processes for all of sysfs; the files are read here.
read_tree() {
  local id=$1 found line name lines folders=() names=(-name dm) release=
  for name in "${tree_classes[@]}"; do [ ! -d "$sys/class/$name" ] || folders+=("$sys/class/$name"); done
  for name in pci usb mdev vdpa thunderbolt scsi; do
    [ ! -d "$sys/bus/$name/devices" ] || folders+=("$sys/bus/$name/devices")
  done
  found=$(exec find "${folders[@]}" -maxdepth 1 -type l -printf "link\t%p\t%l\n" 2>/dev/null)
  mapfile -t lines <<<"$found"
  for line in "${lines[@]}"; do [ -z "$line" ] || record "$id" "$line"; done
  names=(-path "*/dm/name" -o -path "*/dm/uuid" -o -path "*/loop/backing_file")
  for name in "${tree_files[@]}"; do names+=(-o -name "$name"); done
  found=$(exec find "$sys/devices" \
    \( -type l \( -name driver -o -name iommu_group -o -name physfn -o -name "virtfn*" -o -name "lower_*" \
    -o -name device -o -path "*/slaves/*" \) -printf "link\t%p\t%l\n" \) -o \
    \( -type d \( -name net -o -name slaves -o -path "*/net/*" \) -printf "folder\t%p\n" \) -o \
    \( -type f \( "${names[@]}" \) -printf "%p\n" \) 2>/dev/null)
  mapfile -t lines <<<"$found"
  for line in "${lines[@]}"; do
    case $line in
      /*) tree_text "$line" ;;
      ?*) record "$id" "$line" ;;
    esac
  done
  lines=()
  { mapfile -t -n 5000 lines <"$proc/self/mountinfo"; } 2>/dev/null
  for line in "${lines[@]}"; do [[ $line != *" - "*" /dev/"* ]] || record "$id" "mount	$line"; done
  lines=()
  { mapfile -t -n 100 lines <"$proc/swaps"; } 2>/dev/null
  for line in "${lines[@]:1}"; do record "$id" "swap	$line"; done
  { IFS= read -r release <"$proc/sys/kernel/osrelease"; } 2>/dev/null
  record "$id" "kernel	$release"
  record "$id" "architecture	$HOSTTYPE"
  printf "done %s\n" "$id"
}
