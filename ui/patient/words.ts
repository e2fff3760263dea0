// What the server and this page say to each other, and what the patient or a guest reads.

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

/** Who a guest is to the patient. */
export type GuestKind = 'interpreter' | 'family' | 'carer' | 'other';

/** One who is in the same call. */
export interface Companion {
  /** Nothing: it is the patient. */
  readonly kind: GuestKind | null;
  /** What was typed; guests are not told the patient's. */
  readonly name: string | null;
}

/** What the server says. */
export type FromServer =
  | {
      readonly type: 'waiting';
      readonly seat: string;
      readonly clinic: string;
      readonly before: number;
      readonly guest: boolean;
    }
  | { readonly type: 'admitted'; readonly call: number; readonly relays: Relay[] }
  | {
      readonly type: 'answer';
      readonly call: number;
      readonly sdp: string;
      readonly fingerprint: string;
    }
  | { readonly type: 'company'; readonly others: readonly Companion[] }
  | { readonly type: 'sharing'; readonly on: boolean }
  | { readonly type: 'ended' }
  | { readonly type: 'refused'; readonly reason: NotLetIn };

/** What this page says. */
export type ToServer =
  | { readonly type: 'join'; readonly token: string; readonly name: string }
  | { readonly type: 'return'; readonly token: string; readonly seat: string }
  | { readonly type: 'offer'; readonly call: number; readonly sdp: string }
  | { readonly type: 'leave' };

/** What somebody reads who is not let in, and whether trying again can help. */
export const REFUSED: Record<NotLetIn, { readonly words: string; readonly again: boolean }> = {
  unknown: {
    words:
      'This link does not work any more. The clinic may have sent a newer one. If you have none, please call the clinic.',
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
    words: 'You were away for a while. Please join again; the clinician will ask you in.',
    again: true,
  },
  malformed: { words: 'Please type your name again.', again: true },
  unavailable: {
    words: 'The clinic cannot be reached at the moment. Please try again in a minute.',
    again: true,
  },
};

/** The line in the waiting room. Guests stand in no line: they follow the patient. */
export function waiting(clinic: string, before: number, guest: boolean): string {
  if (guest) {
    return `${clinic} knows that you are here. The clinician will ask you in once the patient is in the call.`;
  }
  const place =
    before === 0
      ? 'You are next.'
      : before === 1
        ? 'One person is before you.'
        : `${before} people are before you.`;
  return `${clinic} knows that you are here. ${place}`;
}

/** What is said when it is over. A guest's part may end before the visit does. */
export function over(guest: boolean): string {
  return `${guest ? 'Your part in the visit' : 'The visit'} has ended, and your camera and microphone are off. Nothing was recorded. You can close this page.`;
}

/** Said while the clinician shows something. */
export const SHARING = 'The clinician is showing you something in place of the camera.';

/** What the large picture is, for those who do not see it. */
export function pictureWords(guest: boolean, sharing: boolean, company: boolean): string {
  const whose = guest ? 'The clinician' : 'Your clinician';
  const picture = sharing ? 'What the clinician shows you' : whose;
  return company ? `${picture}, and below it the others in this call` : picture;
}

const COMPANIONS: Record<GuestKind, string> = {
  interpreter: 'an interpreter',
  family: 'a family member or friend',
  carer: 'another clinician or carer',
  other: 'another guest',
};

/** Who else is in the call. The kind comes first; a name is what somebody typed. */
export function companyWords(
  guest: boolean,
  others: readonly Companion[],
): (string | { readonly name: string })[] {
  if (others.length === 0) {
    return [];
  }
  const patient = others.some((one) => one.kind === null) ? ['the patient'] : [];
  const hosts = guest ? [...patient, 'the clinician'] : [];
  const guests = others.flatMap(({ kind, name }) =>
    kind === null ? [] : [{ kind: COMPANIONS[kind] ?? COMPANIONS.other, name }],
  );
  const count = hosts.length + guests.length;
  const list = new Intl.ListFormat('en').formatToParts([...Array(count).keys()].map(String));
  return [
    guest ? 'In this call: ' : 'Also in this call: ',
    ...list.flatMap((part) => {
      const at = Number(part.value) - hosts.length;
      const one = guests[at];
      if (part.type === 'literal' || !one) {
        return [part.type === 'literal' ? part.value : (hosts[Number(part.value)] ?? '')];
      }
      return one.name ? [`${one.kind} (`, { name: one.name }, ')'] : [one.kind];
    }),
    '.',
  ];
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
