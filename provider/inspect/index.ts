export { composeReport } from "./compose";
export type { Holders, HostPicture, ListedFunction, ProgramArguments, PublicConnection } from "./picture";
export type { PciReport } from "./report";
export { describeReport, type ReportStyle } from "./words/describe-report";
