import { composeReport } from "../../../provider/inspect";
import { card, input } from "../../support/inspection-inputs";

test("what is found is the same after its way as JSON", () => {
  const found = composeReport(input(card("0000:01:00", { shared: 7 })));
  expect(JSON.parse(JSON.stringify(found))).toStrictEqual(found);
});
