// Words for codes that the program sends: a code that this window does not know is shown as it
// is, readable enough.
import { useCallback } from 'react';
import { useWords } from '../words/index.ts';

function readable(code: string): string {
  return code.charAt(0).toUpperCase() + code.slice(1).replaceAll('-', ' ');
}

/** What was done, in words, by its stable code. */
export function useActionWords(): (code: string) => string {
  const { t, i18n } = useWords();
  return useCallback(
    (code) => {
      const key = `activity.actions.${code}`;
      return i18n.exists(key) ? String(t(key as 'activity.actions.locked')) : readable(code);
    },
    [t, i18n],
  );
}

/** A role, in words, by its wire name. */
export function useRoleWords(): (role: string) => string {
  const { t, i18n } = useWords();
  return useCallback(
    (role) => {
      const key = `role.${role}`;
      return i18n.exists(key) ? String(t(key as 'role.clinician')) : role;
    },
    [t, i18n],
  );
}

/** What a record was used for, in words, by its code of HL7's ActReason. */
export function usePurposeWords(): (code: string) => string {
  const { t, i18n } = useWords();
  return useCallback(
    (code) => {
      const key = `access.purposes.${code}`;
      return i18n.exists(key) ? String(t(key as 'access.purposes.TREAT')) : code;
    },
    [t, i18n],
  );
}
