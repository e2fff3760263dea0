export function BookingPanel(_: { patient?: string | undefined; practitioner?: string | undefined; start?: string | undefined; minutes?: number | undefined }) { return null; }
