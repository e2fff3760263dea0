// The call of this computer, followed while there is one.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { CallView, VisitsView } from '../../shared/bindings.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { ipc } from '../../shared/ipc.ts';
import { useClinic } from '../frame/clinic.tsx';
import { countWaiting } from './company.ts';

/** Levels move this often; nothing of a patient is in them. */
const LOOK = 400;
const CALL = ['call'];

/** The visits that the user may lead. */
export function useVisits(enabled = true) {
  return useView<VisitsView>({
    key: ['visits'],
    read: (cause) => ipc.visits(cause),
    on: { types: ['Visit'] },
    enabled,
  });
}

/** The call that goes on here; nothing without one. */
export function useCall(enabled: boolean): CallView | null {
  const call = useQuery({
    queryKey: CALL,
    queryFn: () => ipc.call(),
    refetchInterval: LOOK,
    gcTime: 0,
    enabled,
  });
  return (enabled && call.data) || null;
}

/** Asks again at once: after something was done. */
export function useCallAgain(): () => Promise<void> {
  const client = useQueryClient();
  return useCallback(() => client.invalidateQueries({ queryKey: CALL }), [client]);
}

/** How many wait to be asked in. */
export function useWaiting(): number {
  const { can } = useClinic();
  const visits = useVisits(can('read-chart'));
  return countWaiting(visits.data?.visits ?? []);
}
