// What the server and this page say to each other, and what the patient reads.

/** A place where both sides can meet that do not reach each other. */
export interface Relay {
  readonly urls: string[];
  readonly username: string;
  readonly credential: string;
}

/** Why this page is not let in. */
export type NotLetIn =
  | 'unknown'
  | 'expired'
  | 'ended'
  | 'occupied'
  | 'join-again'
  | 'malformed'
  | 'unavailable';

/** What the server says. */
export type FromServer =
  | {
      readonly type: 'waiting';
      readonly seat: string;
      readonly clinic: string;
      readonly before: number;
    }
  | { readonly type: 'admitted'; readonly call: number; readonly relays: Relay[] }
  | {
      readonly type: 'answer';
      readonly call: number;
      readonly sdp: string;
      readonly fingerprint: string;
    }
  | { readonly type: 'sharing'; readonly on: boolean }
  | { readonly type: 'ended' }
  | { readonly type: 'refused'; readonly reason: NotLetIn };

/** What this page says. */
export type ToServer =
  | { readonly type: 'join'; readonly token: string; readonly name: string }
  | { readonly type: 'return'; readonly token: string; readonly seat: string }
  | { readonly type: 'offer'; readonly call: number; readonly sdp: string }
  | { readonly type: 'leave' };

/** What the patient reads when not let in, and whether trying again can help. */
export const REFUSED: Record<NotLetIn, { readonly words: string; readonly again: boolean }> = {
  unknown: {
    words:
      'This link does not work any more. Your clinic may have sent a newer one. If you have none, please call the clinic.',
    again: false,
  },
  expired: {
    words: 'The time for this link is over. Please call the clinic for a new one.',
    again: false,
  },
  ended: { words: 'This visit has ended.', again: false },
  occupied: {
    words:
      'Somebody is in this visit already by this link, perhaps you in another window. Close it, wait half a minute and try again.',
    again: true,
  },
  'join-again': {
    words: 'You were away for a while. Please join again; your clinician will ask you in.',
    again: true,
  },
  malformed: { words: 'Please type your name again.', again: true },
  unavailable: {
    words: 'The clinic cannot be reached at the moment. Please try again in a minute.',
    again: true,
  },
};

/** The line in the waiting room. */
export function waiting(clinic: string, before: number): string {
  const place =
    before === 0
      ? 'You are next.'
      : before === 1
        ? 'One person is before you.'
        : `${before} people are before you.`;
  return `${clinic} knows that you are here. ${place}`;
}

/** The SHA-256 fingerprint that a description names; nothing if it names none or several. */
export function fingerprint(sdp: string): string | undefined {
  const found = [...sdp.matchAll(/^a=fingerprint:(\S+) (\S+)\r?$/gm)];
  const [first] = found;
  if (!first || found.some((one) => one[1]?.toLowerCase() !== 'sha-256')) {
    return undefined;
  }
  const value = first[2]?.toUpperCase();
  return found.every((one) => one[2]?.toUpperCase() === value) ? value : undefined;
}
