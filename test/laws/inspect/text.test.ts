import fc from "fast-check";
import { composeReport, describeReport } from "../../../provider/inspect";
import { anyText } from "../../support/any-text";
import { nothingUsed } from "../../support/host-facts";
import { attachment, input, OBEYED_BY_TERMINALS, port, upInterface } from "../../support/inspection-inputs";

const plain = { width: 80, hasColours: false, withBridges: false };

test("no line but a program's is too wide, and no text reaches terminals raw", () => {
  const hostile = anyText({ maxLength: 60 });
  fc.assert(
    fc.property(
      fc.array(hostile, { minLength: 9, maxLength: 9 }),
      fc.integer({ min: 1, max: 200 }),
      (texts, width) => {
        const [vendorName, productName, className, driver, name, owner, guest, note, label] = texts as [
          string,
          string,
          string,
          string,
          string,
          string,
          string,
          string,
          string,
        ];
        const other = { name: guest, uuid: "22222222-2222-4222-8222-222222222222" };
        const held = attachment(other, `o/${owner}`, ["0000:01:00.0"]);
        const report = composeReport(
          input(
            [
              port("0000:01:00.0", { vendorName, productName, className, driver }),
              port("00010000:02:00.0", { vendorName, driver, iommuGroup: 9 }),
            ],
            {
              label,
              notes: [note],
              facts: { ...nothingUsed, interfaces: [upInterface(name, "00010000:02:00.0", "192.0.2.1")] },
              seen: { by: "host", holders: held, guests: [other] },
              arguments: {
                connection: { host: label, proxy: { host: note } },
                credentials: [],
                guest: { domain: guest },
              },
            },
          ),
        );
        const lines = describeReport(report, { ...plain, width });
        for (const line of lines) expect(line).not.toMatch(OBEYED_BY_TERMINALS);
        const program = lines.indexOf("A program begins with");
        const prose = lines
          .slice(0, program)
          .filter((line) => !/^ {2}program|^ {12} {4}connection|^ {12}\}\);$/.test(line));
        for (const line of prose) expect(line.length).toBeLessThanOrEqual(Math.max(width, 60));
      },
    ),
    { numRuns: 300 },
  );
});
