export function AppointmentPanel(_: { id: string; day: string }) { return null; }
