export type { Holders, InspectionInput, ProgramArguments, PublicConnection } from "./inspection-input";
export { composeReport } from "./report/compose";
export type { PciReport } from "./report/report";
export { describeReport, type ReportStyle } from "./text/describe-report";
