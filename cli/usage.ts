export const USAGE = `Usage: pulumi-multifunction-pci inspect [USER@]HOST [options]
       pulumi-multifunction-pci host-rules [USER@]HOST --qmp-socket PATH
           --device ADDRESS [--device ADDRESS...] [--account NAME] [--look]
       pulumi-multifunction-pci record [USER@]HOST FILE [connection options]

inspect shows the PCI devices of a hypervisor host: which of them can be
attached to a guest, whole or in part, or why not, and the program that does it.
Nothing is changed on the host. HOST may be an alias of ~/.ssh/config.

  --guest NAME            look into this running libvirt guest too, by its name
                          or UUID: its slots, and what is attached to it
  --uri URI               libvirt's connection URI (default qemu:///system)
  --qmp-socket PATH       in place of --guest: the QMP socket on the host of a
                          QEMU without libvirt
  --privilege sudo        with --qmp-socket, where the login is not root's
  --device ADDRESS        this device alone, such as 01:00
  --all                   PCI bridges too
  --json                  JSON, of the shape in docs/inspect.md

Connection (default: what ssh_config says, else port 22, user root):
  -p, --port PORT         port of sshd
  -i, --identity-file FILE  private key file
      --known-hosts FILE  known_hosts file
      --host-key KEY      the host's public key line, or its SHA256: fingerprint
      --strict-host-key-checking yes|accept-new|no   (default yes)
  -J, --jump [USER@]HOST[:PORT][,...]   jump hosts, in the order of the way

host-rules prints the lines of /etc/multifunction-pci-host.conf by which an
account with sudo may attach on a host without libvirt, and on standard error
the commands that set it up. It connects to nothing.

  --qmp-socket PATH       the QMP socket; the last part may have one *
  --device ADDRESS        a slot (01:00) or a function (01:00.0); of all that is
                          taken from the host, leftovers too
  --account NAME          the login (default: USER, else pulumi-pci)
  --look                  for previews, refreshes and inspections alone

record writes what a report of a problem may carry of a host into FILE, which
must not exist: its devices by the kernel's names, their classes, sizes and
links. Every other name has a stand-in; there are no serial numbers, MAC or IP
addresses and no UUIDs in it.

  -h, --help              this text
      --version           the version of this package

Passwords and passphrases come from the environment:
MULTIFUNCTION_PCI_PASSWORD, MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD.
NO_COLOR switches colours off. Exit code: 0 done, 1 failed, 2 wrong usage.
`;
