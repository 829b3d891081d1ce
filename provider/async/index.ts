export { Deadline } from "./deadline";
