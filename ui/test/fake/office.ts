// Who works in the fake clinic, by role, and what its ledger and its closed records say.
import type {
  Fault,
  LedgerState,
  LedgerView,
  ReportForm,
  UserView,
} from '../../shared/bindings.ts';
import { ZONE } from './people.ts';

export type Role = 'clinician' | 'front-desk' | 'auditor' | 'security-officer' | 'administrator';

const WHO: Record<
  Role,
  Pick<UserView, 'username' | 'displayName' | 'practitioner' | 'abilities'>
> = {
  clinician: {
    username: 'mlindqvist',
    displayName: 'Dr. Maren Lindqvist',
    practitioner: 'prac-1',
    abilities: [
      'read-chart',
      'write-chart',
      'sign-notes',
      'edit-patients',
      'book',
      'merge-patients',
      'emergency-access',
    ],
  },
  'front-desk': {
    username: 'rgray',
    displayName: 'Rowan Gray',
    practitioner: null,
    abilities: ['edit-patients', 'book', 'merge-patients'],
  },
  auditor: {
    username: 'cohene',
    displayName: 'Esther Cohen',
    practitioner: null,
    abilities: ['read-audit'],
  },
  'security-officer': {
    username: 'ibrandt',
    displayName: 'Imani Brandt',
    practitioner: null,
    abilities: ['read-audit', 'review-access'],
  },
  administrator: {
    username: 'ymoreau',
    displayName: 'Yann Moreau',
    practitioner: null,
    abilities: ['rehearse'],
  },
};

/** Somebody with the role. */
export function userOf(role: Role): UserView {
  return { ...WHO[role], role, clinic: 'Harbour Street Clinic', timeZone: ZONE };
}

/** What the workstation knows of the ledger. */
export function ledgerOf(state: LedgerState): LedgerView {
  if (state === 'unknown') {
    return { state, size: null, at: null, words: 'Not checked yet.' };
  }
  const words = {
    verified: 'The ledger continues everything this computer has witnessed.',
    broken: 'The ledger shows 184,050 entries; this computer has seen 184,212.',
    restored:
      "The server's records were restored from a backup on 2026-11-24: the disk failed. Of the entries that this computer has seen, 162 are lost there.",
  };
  return { state, size: 184_212, at: '2026-11-24T10:31:00-05:00', words: words[state] };
}

/** Everything. */
export const ANY: ReportForm = {
  patient: null,
  user: null,
  from: null,
  until: null,
  action: null,
  success: null,
  sort: 'recorded',
  ascending: false,
  cursor: null,
};

/** The refusal of a record that is closed to the user. */
export function closedFault(
  code: 'needs-justification' | 'needs-emergency',
  offline: boolean,
): Fault {
  const emergency = code === 'needs-emergency';
  return {
    code,
    what: emergency
      ? 'This patient has closed the record to you. Only emergency access opens it.'
      : 'You have no relationship with this patient. Say why you need the record.',
    safe: 'Nothing was shown.',
    act: emergency && offline ? 'Off line: 2 emergency accesses are left on this computer.' : '',
    field: null,
  };
}
