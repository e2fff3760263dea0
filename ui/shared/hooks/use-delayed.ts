import { useEffect, useState } from 'react';

/** True once `wanted` has held for a while: what comes sooner needs no waiting sign. */
export function useDelayed(wanted: boolean, milliseconds = 300): boolean {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (!wanted) {
      setHeld(false);
      return;
    }
    const timer = setTimeout(() => setHeld(true), milliseconds);
    return () => clearTimeout(timer);
  }, [wanted, milliseconds]);
  return held && wanted;
}
