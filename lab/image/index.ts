export { ensureImage, type LabImage } from "./build";
