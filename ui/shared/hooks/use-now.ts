import { useEffect, useState } from 'react';

/** The time, drawn again at each turn of the minute (or other step). */
export function useNow(step = 60_000): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const turn = () => {
      timer = setTimeout(
        () => {
          setNow(new Date());
          turn();
        },
        step - (Date.now() % step) + 5,
      );
    };
    turn();
    return () => clearTimeout(timer);
  }, [step]);
  return now;
}
