/** FHIR types that a chart stands on. */
export const CHART_TYPES: readonly string[] = [
  'Patient',
  'AllergyIntolerance',
  'Condition',
  'MedicationRequest',
  'Immunization',
  'Encounter',
  'Procedure',
  'CarePlan',
  'CareTeam',
  'ImagingStudy',
  'Goal',
  'DiagnosticReport',
  'Observation',
  'DocumentReference',
];
