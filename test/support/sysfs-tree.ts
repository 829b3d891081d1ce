import fs from "node:fs";
import path from "node:path";

/** Files of a folder by their names. */
export type SysfsFiles = Readonly<Record<string, string>>;

/**
 * A tree in the form of sysfs, for the /sys of an sshd: folders of devices, and the kernel's links to them by
 * class and bus.
 */
export class SysfsTree {
  constructor(readonly root: string) {
    for (const folder of ["devices", "class", "bus/pci/devices", "fs", "kernel"])
      fs.mkdirSync(path.join(root, folder), { recursive: true });
  }

  /** A folder below `devices` with these files; a name of a file may lead into folders. */
  add(device: string, files: SysfsFiles = {}): void {
    const folder = path.join(this.root, "devices", device);
    fs.mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), `${text}\n`);
    }
  }

  /** A PCI function, whose address is the last part of its path. */
  addFunction(device: string, files: SysfsFiles = {}): void {
    this.add(device, { vendor: "0x8086", device: "0x0001", class: "0x088000", ...files });
    this.link("bus/pci/devices", device);
  }

  /** A device that the kernel lists in a folder, such as `class/sound`, by its own name. */
  addTo(folder: string, device: string, files: SysfsFiles = {}): void {
    this.add(device, files);
    this.link(folder, device);
  }

  /** A file, or a folder, beside the devices. */
  write(name: string, text: string): void {
    fs.mkdirSync(path.dirname(path.join(this.root, name)), { recursive: true });
    fs.writeFileSync(path.join(this.root, name), `${text}\n`);
  }

  /** A link as the kernel makes it, which leads up and down again. */
  link(folder: string, device: string, name = path.basename(device)): void {
    const from = path.join(this.root, folder);
    if (!fs.existsSync(from)) fs.mkdirSync(from, { recursive: true });
    fs.symlinkSync(path.relative(from, path.join(this.root, "devices", device)), path.join(from, name));
  }

  /** A link to whatever. */
  linkTo(name: string, target: string): void {
    fs.mkdirSync(path.dirname(path.join(this.root, name)), { recursive: true });
    fs.symlinkSync(target, path.join(this.root, name));
  }
}
