export { ensureImage, openImage, type LabImage } from "./build";
