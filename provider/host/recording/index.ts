export { recordingOf, type HostRecording } from "./recording";
