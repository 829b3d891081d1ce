#!/bin/sh
# Customize hook of mmdebstrap: turns the fresh Debian tree $1 into the lab's hypervisor host.
# $LAB_IMAGE_FOLDER holds this script's neighbours, $LAB_KEYS the generated keys.
set -eu
root=$1

cp -R "$LAB_IMAGE_FOLDER/rootfs/." "$root/"
chmod 755 "$root"/usr/local/sbin/*
echo lab-hypervisor >"$root/etc/hostname"
printf '127.0.0.1 localhost lab-hypervisor\n' >"$root/etc/hosts"
printf '/dev/vda / ext4 rw,noatime 0 1\n' >"$root/etc/fstab"
printf '0123456789abcdef0123456789abcdef\n' >"$root/etc/machine-id"

# The host keys are the cache's own, so that a client may pin them before the first start.
rm -f "$root"/etc/ssh/ssh_host_*
install -m 600 "$LAB_KEYS/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
install -m 644 "$LAB_KEYS/host_key.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"

# operator may manage libvirt, outsider may only log in. "operator" is a group of Debian's already.
chroot "$root" useradd --create-home --shell /bin/bash --no-user-group --gid users --groups libvirt operator
chroot "$root" useradd --create-home --shell /bin/bash --no-user-group --gid users outsider
for home in root home/operator home/outsider; do
	install -d -m 700 "$root/$home/.ssh"
	install -m 600 "$LAB_KEYS/client_key.pub" "$root/$home/.ssh/authorized_keys"
done
chroot "$root" chown -R operator:users /home/operator
chroot "$root" chown -R outsider:users /home/outsider

# Starting a user's service manager takes seconds under emulation: the users' own are there already.
mkdir -p "$root/var/lib/systemd/linger"
touch "$root/var/lib/systemd/linger/root" "$root/var/lib/systemd/linger/operator" "$root/var/lib/systemd/linger/outsider"

# Under emulation every loaded profile costs seconds of boot: only libvirt's own are of use here.
find "$root/etc/apparmor.d" -maxdepth 1 -type f ! -name '*libvirt*' -delete

# A first boot's updates were all made by the packages' own scripts a moment ago.
touch "$root/etc/.updated" "$root/var/.updated"

# Nothing may wake up by itself in a machine that is put back in time again and again.
for timer in "$root"/usr/lib/systemd/system/*.timer; do
	ln -sf /dev/null "$root/etc/systemd/system/$(basename "$timer")"
done
chroot "$root" systemctl enable systemd-networkd.service ssh.service apparmor.service libvirtd.service lab-shell.service
chroot "$root" systemctl disable libvirt-guests.service
chroot "$root" systemctl mask systemd-networkd-wait-online.service e2scrub_reap.service

# The guests' kernel and initrd: the kernel is the host's, the initrd is busybox and one script.
guest=$root/var/lib/libvirt/images/guest
mkdir -p "$guest/initrd/bin"
cp "$root"/boot/vmlinuz-* "$guest/vmlinuz"
cp "$root/usr/bin/busybox" "$guest/initrd/bin/busybox"
install -m 755 "$LAB_IMAGE_FOLDER/guest-init.sh" "$guest/initrd/init"
chroot "$root" sh -c 'cd /var/lib/libvirt/images/guest/initrd && find . | busybox cpio -o -H newc >../initrd.img'
rm -r "$guest/initrd"
