import fs from "node:fs";
import path from "node:path";

/**
 * The text that goes out with the bundles: of each package of which something is in them, name, version,
 * licence, and its notice, which the licences ask to be kept.
 *
 * @param {string} root the repository's folder
 * @param {readonly string[]} files inputs of the bundles, relative to it
 */
export function bundledLicences(root, files) {
  const folders = files.map((file) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  const chapters = [...new Set(folders.filter(Boolean))].sort().map((folder) => {
    const { name, version, license, author } = JSON.parse(
      fs.readFileSync(path.join(root, folder, "package.json"), "utf8"),
    );
    if (license !== "MIT")
      throw new Error(`${name} is bundled, and its licence is ${license}: look at it first`);
    const notice = fs.readdirSync(path.join(root, folder)).find((one) => /^licen[cs]e/i.test(one));
    const text = notice
      ? fs.readFileSync(path.join(root, folder, notice), "utf8").trim()
      : `Copyright (c) ${typeof author === "string" ? author : author?.name}. It comes without a text of its licence.`;
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `Parts of these packages are in the files of this folder.\n\n${chapters.join(`\n${"-".repeat(78)}\n\n`)}`;
}
