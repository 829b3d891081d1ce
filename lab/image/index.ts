export { ensureImage, openImage, type LabImage } from "./build";
export { ensureSudo } from "./sudo";
export { ensureGuestFiles, type GuestFiles } from "./guest-files";
