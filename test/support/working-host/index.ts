export { WorkingHost } from "./working-host";
