export function PatientFormPanel(_: { patient?: string | undefined }) { return null; }
