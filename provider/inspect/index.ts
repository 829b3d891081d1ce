export { composeReport } from "./compose";
export type { Holders, InspectionInput, ListedFunction, ProgramArguments, PublicConnection } from "./picture";
export type { PciReport } from "./report";
export { describeReport, type ReportStyle } from "./words/describe-report";
