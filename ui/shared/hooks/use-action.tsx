// Doing something: one at a time, its fault shown where it was done.
import { useCallback, useRef, useState } from 'react';
import type { Fault } from '../bindings.ts';
import { faultOf } from '../ipc.ts';

/** An act of the user and how it went. */
export interface Action<A extends unknown[], T> {
  /** Does it; answers nothing if it failed or one is running. */
  readonly run: (...args: A) => Promise<T | undefined>;
  readonly running: boolean;
  readonly fault: Fault | null;
  readonly clear: () => void;
}

/** Wraps an asynchronous act. A second call while one runs does nothing: no double booking. */
export function useAction<A extends unknown[], T>(act: (...args: A) => Promise<T>): Action<A, T> {
  const [running, setRunning] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const busy = useRef(false);
  const latest = useRef(act);
  latest.current = act;
  const run = useCallback(async (...args: A): Promise<T | undefined> => {
    if (busy.current) {
      return undefined;
    }
    busy.current = true;
    setRunning(true);
    setFault(null);
    try {
      return await latest.current(...args);
    } catch (error) {
      setFault(faultOf(error));
      return undefined;
    } finally {
      busy.current = false;
      setRunning(false);
    }
  }, []);
  const clear = useCallback(() => setFault(null), []);
  return { run, running, fault, clear };
}
