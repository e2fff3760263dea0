import { useCallback } from 'react';
import { ipc } from '../../shared/ipc.ts';
import { useSession } from './session.tsx';
import { wantSwitch } from './switching.ts';
import { useWorkspace } from './workspace.tsx';

/** Locks, and shows at once who else may work here; the place waits for whoever left. */
export function useSwitch(): () => void {
  const lock = useLock();
  return useCallback(() => {
    wantSwitch(true);
    lock();
  }, [lock]);
}

/** Locks: keeps what is being typed, hides the records at once, then tells the program. */
export function useLock(): () => void {
  const { take, view, ask } = useSession();
  const { leaving } = useWorkspace();
  return useCallback(() => {
    const locked = leaving().then(() => ipc.lock());
    if (view) {
      take({ ...view, phase: 'locked', user: null });
    }
    // Were the lock to fail, the program says what phase it is in.
    locked.then(take, ask);
  }, [take, view, ask, leaving]);
}
