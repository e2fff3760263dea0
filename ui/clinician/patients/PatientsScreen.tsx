export function PatientsScreen() { return null; }
