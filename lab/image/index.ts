export { ensureImage, openImage, type LabImage } from "./build";
export { ensureGuestFiles, type GuestFiles } from "./guest-files";
