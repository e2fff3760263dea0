// "No known allergy" is recorded as an allergy in FHIR. It is a finding, not a warning: it must
// never look like one.
import type { ClinicalItem } from '../../shared/bindings.ts';

/** SNOMED CT: no known allergy, drug, food, environmental and latex allergy. */
const NONE_KNOWN = ['716186003', '409137002', '429625007', '428607008', '1003774007'];

/** Whether an item of the allergy list warns of something. */
export function warns(item: ClinicalItem): boolean {
  return item.active && !NONE_KNOWN.some((code) => item.code?.endsWith(` ${code}`));
}
