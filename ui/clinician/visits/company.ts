// Who takes part in a visit beside the patient: what follows from how they stand.
import type {
  CallView,
  GuestCallView,
  GuestView,
  VisitStage,
  VisitView,
} from '../../shared/bindings.ts';

const CALL: readonly VisitStage[] = ['admitted', 'connecting', 'talking', 'interrupted'];

/** Whether somebody was asked in, and is in the call or on the way back into it. */
export function isInCall(stage: VisitStage): boolean {
  return CALL.includes(stage);
}

/** Guests in the waiting room. */
export function waitingGuests(visit: VisitView): GuestView[] {
  return visit.guests.filter((guest) => guest.stage === 'waiting');
}

/**
 * How many could be asked in now. A guest counts once the patient is in the call: until then it is
 * the patient who is waited for, or who waits.
 */
export function countWaiting(visits: readonly VisitView[]): number {
  return visits.reduce((sum, visit) => {
    const patient = visit.stage === 'waiting' ? 1 : 0;
    return sum + patient + (isInCall(visit.stage) ? waitingGuests(visit).length : 0);
  }, 0);
}

/**
 * Whether a guest can be asked in, or in again, while the patient is in the call. One who was asked
 * in and whom this computer knows nothing of was so before it was started anew, or by another one.
 */
export function canAskIn(guest: GuestView, call: GuestCallView | undefined): boolean {
  const stuck = call
    ? guest.stage === 'interrupted' || call.state === 'failed'
    : isInCall(guest.stage);
  return guest.since !== null && (guest.stage === 'waiting' || stuck);
}

/** Who sees and hears what goes out: the patient alone, or all who were asked in. */
export function audience(call: CallView): 'patient' | 'everybody' {
  return call.guests.length > 0 ? 'everybody' : 'patient';
}
