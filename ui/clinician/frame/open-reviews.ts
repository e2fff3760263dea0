// How many reviews are open, for the badge. Each reading is audited, so it is read when a session
// opens and from then on seldom; the screen itself tells what it has read.
import { type QueryClient, useQuery } from '@tanstack/react-query';
import { ipc } from '../../shared/ipc.ts';
import { useClinic } from './clinic.tsx';
import { useSession } from './session.tsx';

const KEY = ['reviews-open'] as const;
const EVERY = 10 * 60_000;

/** Open reviews as last read; 0 where the role has none or the server was not reached. */
export function useOpenReviews(): number {
  const { can } = useClinic();
  const { sync } = useSession();
  const count = useQuery({
    queryKey: KEY,
    queryFn: async () => (await ipc.reviews(false, null)).open,
    enabled: can('review-access') && sync?.connection === 'online',
    refetchInterval: EVERY,
  });
  return count.data ?? 0;
}

/** Takes a count that a screen has just read. */
export function tellOpenReviews(client: QueryClient, open: number): void {
  client.setQueryData(KEY, open);
}
